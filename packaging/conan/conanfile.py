"""sinter for Conan 2: `conan create packaging/conan` from a clone. Its headers, and the sources of
sinter::compiled, are the package; nothing is built.

Where libraries of the system are to be used, and nothing is downloaded, a profile names them as platform requirements:
packaging/conan/system.profile.
"""

import os
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy, load
from conan.tools.layout import basic_layout

required_conan_version = ">=2.1"


class Sinter(ConanFile):
    name = "sinter"
    description = "Tensors, automatic differentiation and deep learning at compile time"
    license = "MIT"
    topics = ("deep-learning", "autograd", "tensor", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"safetensors": [True, False], "gzip": [True, False]}
    default_options = {"safetensors": True, "gzip": True}
    no_copy_source = True

    def set_version(self):
        if not self.version:
            header = load(self, os.path.join(self.recipe_folder, "..", "..", "include", "sinter", "version.hpp"))
            self.version = ".".join(re.findall(r"#define SINTER_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", header))

    def export_sources(self):
        root = os.path.join(self.recipe_folder, "..", "..")
        copy(self, "LICENSE", root, self.export_sources_folder)
        copy(self, "*.hpp", os.path.join(root, "include"), os.path.join(self.export_sources_folder, "include"))
        copy(self, "*.cpp", os.path.join(root, "src"), os.path.join(self.export_sources_folder, "src"))
        copy(self, "compiled.cmake", os.path.join(root, "cmake"), os.path.join(self.export_sources_folder, "cmake"))

    def layout(self):
        basic_layout(self, src_folder=".")

    def requirements(self):
        self.requires("xsimd/[>=8.1 <14]", transitive_headers=True)
        if self.options.safetensors:
            self.requires("nlohmann_json/[>=3.11 <4]", transitive_headers=True)
        if self.options.gzip:
            self.requires("zlib/[>=1.2.11 <2]", transitive_headers=True, transitive_libs=True)

    def package_id(self):
        self.info.settings.clear()  # headers are the same everywhere

    def validate(self):
        check_min_cppstd(self, 20)

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        copy(self, "*.hpp", os.path.join(self.source_folder, "include"), os.path.join(self.package_folder, "include"))
        share = os.path.join(self.package_folder, "share", "sinter")
        copy(self, "*.cpp", os.path.join(self.source_folder, "src"), share)
        copy(self, "compiled.cmake", os.path.join(self.source_folder, "cmake"), share)

    def package_info(self):
        packages = {d.ref.name for _, d in self.dependencies.host.items()}  # but not what the system has

        def component(name, target, *requires, system_lib=None):
            c = self.cpp_info.components[name]
            c.bindirs, c.libdirs = [], []
            c.requires = [r for r in requires if "::" not in r or r.split("::")[0] in packages]
            if system_lib and len(c.requires) < len(requires):
                c.system_libs = [system_lib]
            c.set_property("cmake_target_name", f"sinter::{target}")
            c.set_property("pkg_config_name", name)
            return c

        # The target sinter::compiled, which the caller builds with its own flags.
        self.cpp_info.set_property("cmake_build_modules", [os.path.join("share", "sinter", "compiled.cmake")])
        core = component("sinter", "sinter", "xsimd::xsimd")
        # As cmake/install.cmake: how much constant evaluation the compilers grant.
        core.cxxflags = {
            "gcc": [
                "-fconstexpr-ops-limit=4000000000",
                "-fconstexpr-loop-limit=100000000",
                "--param=ggc-min-heapsize=300000",
            ],
            "clang": ["-fconstexpr-steps=2000000000"],
        }.get(str(self.settings.get_safe("compiler")), [])
        if self.options.safetensors:
            component("sinter-safetensors", "safetensors", "sinter", "nlohmann_json::nlohmann_json")
        if self.options.gzip:
            component("sinter-gzip", "gzip", "sinter", "zlib::zlib", system_lib="z")
