// io/safetensors.hpp: options of load, several files; io/checkpoint.hpp: interrupted runs.
#include <doctest/doctest.h>
#include <sinter/io/checkpoint.hpp>
#include <sinter/sinter.hpp>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "../support/files.hpp"
#include "../support/throws.hpp"

using namespace sinter;

namespace loading {

struct Small {
  nn::Linear<3, 2> fc1;
  nn::BatchNorm1d<2> norm;
  Buffer<float> scale;
  constexpr auto operator()(auto x) const { return norm(fc1(x)); }
};
struct Outer {
  Small encoder;
  nn::Linear<2, 2> head;
  nn::Dropout drop{.p = .5f};
  constexpr auto operator()(auto x) const { return head(drop(relu(encoder(x)))); }
};

struct Half { Param<bfloat16, 2> w{nn::init::constant(1)}; };
struct Full { Param<float, 2> w; };
template <class N> bool same(const Model<N>& a, const Model<N>& b) {
  const auto other = b.state_dict();
  std::size_t i = 0;
  for (const auto& t : a.state_dict())
    if (std::memcmp(t.data, other[i++].data, t.bytes()) != 0) return false;
  return true;
}
/// A file with these tensors.
using Tensors = std::vector<NamedTensor<const std::byte>>;
template <class N> Tensors tensors_of(const Model<N>& net, const std::string& prefix = {}) {
  Tensors all = net.state_dict();
  for (auto& t : all) t.name.insert(0, prefix);
  return all;
}
/// A folder that is removed with its scope.
struct Folder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("sinter_loading_" + std::to_string(::getpid()));
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string operator/(const char* name) const { return (path / name).string(); }
};

TEST_CASE("load takes names with a prefix, renamed names, and parts of a file") {
  const Folder folder;
  const Model<Outer> outer(Seed{1});
  save(outer, folder / "outer.safetensors");
  const auto encoder = load<Small>(folder / "outer.safetensors", {.prefix = "encoder."});
  CHECK(encoder->fc1.weight.const_view()(1, 2) == outer->encoder.fc1.weight.const_view()(1, 2));
  const auto renamed = load<Outer>(folder / "outer.safetensors", {.rename = [](const std::string& n) { return n; }});
  CHECK(same(renamed, outer));
  io::save_tensors(tensors_of(outer, "module."), folder / "wrapped.safetensors");
  const auto by_rule = load<Outer>(folder / "wrapped.safetensors",
                                   {.rename = [](const std::string& n) { return "module." + n; }});
  CHECK(same(by_rule, outer));
}

TEST_CASE("all mismatches are in one error, with the nearest names, or the prefix that the file has") {
  const Folder folder;
  const Model<Outer> outer(Seed{1});
  io::save_tensors(tensors_of(outer, "module."), folder / "wrapped.safetensors");
  Model<Outer> net(Seed{2});
  const Model<Outer> before = net;
  Error e = support::thrown([&] { load(net, folder / "wrapped.safetensors"); });
  CHECK(e.code() == ErrorCode::mismatch);
  CHECK(e.problem().find("9 tensors do not fit: tensor \"encoder.fc1.weight\": expected by the model, found missing, "
                         "the nearest name is \"module.encoder.fc1.weight\"") == 0);
  CHECK(e.remedy() == "all names begin with it: pass {.prefix = \"module.\"}");
  Tensors changed = tensors_of(outer);
  for (auto& t : changed) {
    if (t.name == "head.weight") t.name = "head.wieght";
    if (t.name == "head.bias") t.shape = changed.back().shape, t.shape.extent[0] = 1;
  }
  io::save_tensors(changed, folder / "changed.safetensors");
  e = support::thrown([&] { load(net, folder / "changed.safetensors"); });
  CHECK(e.problem().find("3 tensors do not fit") == 0);
  CHECK(e.problem().find("tensor \"head.weight\": expected by the model, found missing, the nearest name is "
                         "\"head.wieght\"") != std::string::npos);
  CHECK(e.problem().find("tensor \"head.bias\", shape: expected [2], found [1]") != std::string::npos);
  CHECK(e.problem().find("tensor \"head.wieght\": expected none of this name, found one") != std::string::npos);
  CHECK(same(net, before));
}

TEST_CASE("tensors may be missing on request, and num_batches_tracked in old files; a scalar may be stored as [1]") {
  const Folder folder;
  const Model<Outer> outer(Seed{1});
  Tensors some, old;
  for (auto& t : tensors_of(outer)) {
    if (t.name.find("head") == std::string::npos) some.push_back(t);
    if (t.name.ends_with("num_batches_tracked")) continue;
    old.push_back(t);
    if (t.name == "encoder.scale") old.back().shape.push(1);
  }
  io::save_tensors(some, folder / "some.safetensors");
  CHECK(support::thrown([&] { load<Outer>(folder / "some.safetensors"); }).code() == ErrorCode::mismatch);
  const Model<Outer> start;
  const auto kept = load<Outer>(folder / "some.safetensors", {.missing = MissingTensors::keep});
  CHECK(kept->head.weight.const_view()(1, 1) == start->head.weight.const_view()(1, 1));
  CHECK(kept->encoder.fc1.bias.const_view()(1) == outer->encoder.fc1.bias.const_view()(1));
  io::save_tensors(old, folder / "old.safetensors");
  CHECK(same(load<Outer>(folder / "old.safetensors"), outer));
}

TEST_CASE("numbers of another dtype are refused on request") {
  const Folder folder;
  save(Model<Half>(Seed{1}), folder / "half.safetensors");
  CHECK(load<Full>(folder / "half.safetensors")->w.const_view()(1) == 1);
  const Error e = support::thrown([&] { load<Full>(folder / "half.safetensors", {.convert = false}); });
  CHECK(e.problem() == "expected F32, found BF16");
}

TEST_CASE("several files are read by their index, which names files beside it") {
  const Folder folder;
  const Model<Outer> outer(Seed{1});
  Tensors first, second;
  std::string map;
  for (auto& t : tensors_of(outer)) {
    const bool to_first = t.name < "encoder.norm";
    (to_first ? first : second).push_back(t);
    map += (map.empty() ? "\"" : ",\"") + t.name + "\":\"" + (to_first ? "1" : "2") + ".safetensors\"";
  }
  io::save_tensors(first, folder / "1.safetensors");
  io::save_tensors(second, folder / "2.safetensors");
  const auto with_index = [&](const std::string& text) {
    std::ofstream(folder / "model.safetensors.index.json") << text;
    return folder / "model.safetensors.index.json";
  };
  CHECK(same(load<Outer>(with_index("{\"metadata\":{\"total_size\":1},\"weight_map\":{" + map + "}}")), outer));
  for (const char* const text : {"", "[]", "{}", "{\"weight_map\":3}", "{\"weight_map\":{\"a\":3}}",
                                 "{\"weight_map\":{\"a\":\"../1.safetensors\"}}", "{\"weight_map\":{\"a\":\"\"}}"}) {
    CAPTURE(text);
    CHECK(support::thrown([&] { load<Outer>(with_index(text)); }).code() == ErrorCode::format);
  }
  CHECK(support::thrown([&] { load<Outer>(with_index("{\"weight_map\":{\"a\":\"3.safetensors\"}}")); }).code() ==
        ErrorCode::file);
}

TEST_CASE("one tensor of a file") {
  const Folder folder;
  const Model<Outer> outer(Seed{1});
  const std::string path = folder / "outer.safetensors";
  save(outer, path);
  CHECK(equal(io::tensor<float, 2, 3>(path, "encoder.fc1.weight"), outer->encoder.fc1.weight.const_view()));
  const auto bounded = io::tensor<double, upto<7, 'N'>, 3>(path, "encoder.fc1.weight");
  CHECK(bounded.length<'N'>() == 2);
  CHECK(bounded(1, 2) == double(outer->encoder.fc1.weight.const_view()(1, 2)));
  const Error e = support::thrown([&] { io::tensor<float, 2, 3>(path, "encoder.fc.weight"); });
  CHECK(e.remedy() == "the nearest name is \"encoder.fc1.weight\"");
  CHECK(support::thrown([&] { io::tensor<float, 3, 2>(path, "encoder.fc1.weight"); }).code() == ErrorCode::mismatch);
  CHECK(support::thrown([&] { io::tensor<int, 2, 3>(path, "encoder.fc1.weight"); }).code() == ErrorCode::mismatch);
}

struct Noisy {
  using Input = Tensor<float, 3>;
  using Target = Tensor<float, 2>;
  std::size_t size() const { return 23; }
  void read(data::Visit v, float* x, float* y) const {  // other numbers in every epoch
    for (int i = 0; i < 3; ++i) x[i] = std::sin(float(v.index) * 1.7f + float(v.epoch) + float(i));
    y[0] = x[0], y[1] = x[1] * x[2];
  }
};

TEST_CASE("a loader goes on from its position with the batches of an uninterrupted one") {
  const Noisy data;
  for (const bool prefetch : {false, true}) {
    auto whole = data::loader<5>(data, {.shuffle = true, .seed = Seed{3}, .prefetch = prefetch});
    std::vector<Tensor<float, upto<5, 'B'>, 3>> batches;
    std::vector<data::LoaderPosition> after;
    for (int e = 0; e < 3; ++e)
      for (auto [x, y] : whole) batches.push_back(x), after.push_back(whole.position());
    CHECK(whole.epoch() == 3);
    for (std::size_t from = 0; from < after.size(); ++from) {
      auto rest = data::loader<5>(data, {.shuffle = true, .seed = Seed{3}, .prefetch = prefetch});
      rest.seek(after[from]);
      CHECK(rest.position().samples == after[from].samples);
      std::size_t next = from + 1;
      for (auto e = rest.epoch(); e < 3; ++e)
        for (auto [x, y] : rest) CHECK(equal(x, batches[next++]));
      CHECK(next == batches.size());
    }
  }
}

/// Trains three epochs, and stops after `stop` steps, if it is not 0.
template <class Optimizer> Model<Outer> run(const std::string& path, Optimizer optimizer, int stop, bool go_on) {
  auto batches = data::loader<5>(Noisy{}, {.shuffle = true, .seed = Seed{3}});
  Model<Outer> net(Seed{7});
  auto step = training(net, batches, nn::mse_loss, optimizer);
  auto other = training(net, batches, nn::mse_loss, optim::only<"head">(optim::SGD{.lr = .01f}));
  step.seed = Seed{5};
  if (go_on) resume(path, step, other, batches);
  for (auto e = batches.epoch(); e < 3; ++e)
    for (auto [x, y] : batches) {
      if (!go_on) step.optimizer.lr = .02f;  // numbers that were changed are part of the checkpoint
      step(x, y);
      other(x, y);
      if (step.steps() == stop) {
        save_checkpoint(path, step, other, batches);
        return net;
      }
    }
  return net;
}

TEST_CASE("an interrupted and resumed run equals an uninterrupted one, bit by bit") {
  const Folder folder;
  const std::string path = folder / "run.safetensors";
  const auto optimizer = optim::clip_norm(optim::Adam{.lr = .01f}, 1.f);
  const Model<Outer> whole = run(path, optimizer, 0, false);
  for (const int stop : {1, 4, 5, 8, 14}) {
    run(path, optimizer, stop, false);
    CHECK(same(run(path, optimizer, 0, true), whole));
  }
  // averages and sums of gradients are state too
  const auto averaged = optim::clip_norm(optim::accumulate<2>(optim::ema(optim::no_decay(optim::AdamW{}), .9f)), 1.f);
  const Model<Outer> all = run(path, averaged, 0, false);
  run(path, averaged, 7, false);
  CHECK(same(run(path, averaged, 0, true), all));
}

TEST_CASE("a checkpoint of another run is refused, and nothing changes") {
  const Folder folder;
  const std::string path = folder / "run.safetensors";
  run(path, optim::clip_norm(optim::Adam{}, 1.f), 4, false);
  auto batches = data::loader<5>(Noisy{}, {.shuffle = true, .seed = Seed{3}});
  Model<Outer> net(Seed{7});
  const Model<Outer> before = net;
  auto step = training(net, batches, nn::mse_loss, optim::SGD{});
  const auto refused = [&](auto&&... parts) {
    const Error e = support::thrown([&] { resume(path, parts...); });
    CHECK(same(before, net));
    CHECK(step.steps() == 0);
    return e.code() == ErrorCode::mismatch;
  };
  CHECK(refused(step));
  CHECK(refused(step, batches));
  CHECK(refused(net));
  CHECK(refused(batches));
  CHECK(support::thrown([&] { resume(folder / "none.safetensors", step); }).code() == ErrorCode::file);
  const auto model = load<Outer>(path, {.prefix = "0.model."});  // the net alone
  CHECK(!same(model, before));
}

}  // namespace loading
