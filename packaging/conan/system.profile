# The libraries of the system in place of Conan's packages (Debian: libxsimd-dev, nlohmann-json3-dev, zlib1g-dev):
# conan create packaging/conan --profile:all packaging/conan/system.profile
include(default)

[settings]
compiler.cppstd=20

[platform_requires]
xsimd/13.0.0
nlohmann_json/3.11.3
zlib/1.3.1
