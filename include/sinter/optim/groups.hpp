// Which parameters an optimizer moves, and how: groups by name.
#pragma once
#include <algorithm>

#include "parts.hpp"

namespace sinter::inline SINTER_ABI {

template <class Net, class Chosen> struct no_parameter_of_the_net_is_chosen_by;  // undefined: the name is the error

namespace optim {

/// Whether a parameter has this name, or belongs to the module of this name; * stands for any characters.
constexpr bool matches(std::string_view pattern, std::string_view name) {
  if (pattern.empty()) return name.empty() || name.front() == '.';
  if (pattern.front() == '*') {
    for (std::size_t i = 0; i <= name.size(); ++i)
      if (matches(pattern.substr(1), name.substr(i))) return true;
    return false;
  }
  return !name.empty() && name.front() == pattern.front() && matches(pattern.substr(1), name.substr(1));
}

/// Chooses parameters: by a name, `"encoder"` or `"*.bias"`; by a member of the net, `&Net::encoder`; or by what a
/// captureless lambda says of a `ParameterInfo`.
template <class T> struct Which {
  T value;

  constexpr Which(T v) : value(v) {}
  constexpr bool operator()(const ParameterInfo& p) const {
    if constexpr (std::is_member_pointer_v<T>) return matches(member_name(value), p.name);
    else return value(p);
  }
};
template <std::size_t N> struct Which<std::array<char, N>> {
  std::array<char, N> text{};

  constexpr Which(const char (&s)[N]) { std::copy_n(s, N, text.begin()); }
  constexpr Which(const std::array<char, N>& s) : text(s) {}
  constexpr bool operator()(const ParameterInfo& p) const { return matches({text.data(), N - 1}, p.name); }
};
template <std::size_t N> Which(const char (&)[N]) -> Which<std::array<char, N>>;

/// Some choices: a parameter of any of them.
template <Which... W> struct Chosen {
  static constexpr bool has(const ParameterInfo& p) { return (W(p) || ...); }
};
/// Biases, weights of norms: all that is no matrix.
struct Vectors {
  static constexpr bool has(const ParameterInfo& p) { return p.shape.rank < 2; }
};

/// See `only` and `freeze`.
template <class Optimizer, class Chosen, bool Moves> struct Restricted : Around<Optimizer> {
  using chosen = Chosen;
  SINTER_AROUND()

  static constexpr int group_of(const ParameterInfo& p) {
    return Chosen::has(p) == Moves ? sinter::optim::group_of<Optimizer>(p) : -1;
  }
  constexpr auto update(auto step, const auto& parts) const {
    return sinter::optim::update(this->inner(), step, parts);
  }
};

/// Moves these parameters alone; gradients of the others are not computed. A parameter is chosen by its name or its
/// module's, where * stands for any characters, or by a member of the net:
///
///   auto d_step = training(gan, batches, optim::only<&Gan::discriminator>(optim::Adam{.lr = 2e-4f}), d_loss);
///   auto g_step = training(gan, batches, optim::only<&Gan::generator>(optim::Adam{.lr = 2e-4f}), g_loss);
///   optim::only<"*.lora_a", "*.lora_b">(optim::AdamW{})
///
/// PyTorch: torch.optim.Adam(gan.discriminator.parameters()).
template <Which... W, class Optimizer> constexpr Restricted<Optimizer, Chosen<W...>, true> only(Optimizer optimizer) {
  return {{optimizer}};
}
/// Moves all but these parameters: `optim::freeze<"backbone">(optim::SGD{})`. PyTorch: requires_grad_(False).
template <Which... W, class Optimizer>
constexpr Restricted<Optimizer, Chosen<W...>, false> freeze(Optimizer optimizer) {
  return {{optimizer}};
}

/// See `group`.
template <class Optimizer, class Chosen> struct Group {
  using chosen = Chosen;
  Optimizer optimizer;
};
/// An optimizer for these parameters, in `groups`.
template <Which... W, class Optimizer> constexpr Group<Optimizer, Chosen<W...>> group(Optimizer optimizer) {
  return {optimizer};
}

/// See `groups`.
template <class Optimizer, class... G> struct Groups : Around<Optimizer> {
  Pack<G...> others;
  SINTER_AROUND(others)

  static constexpr int moments = std::max({Optimizer::moments, decltype(G::optimizer)::moments...});
  static constexpr std::array<int, sizeof...(G) + 1> sizes{groups_in<Optimizer>, groups_in<decltype(G::optimizer)>...};
  static constexpr int groups = (groups_in<Optimizer> + ... + groups_in<decltype(G::optimizer)>);

  static constexpr int group_of(const ParameterInfo& p) {
    int found = -2, begin = sizes[0], i = 1;
    const auto look = [&](bool has, int within) {
      if (found == -2 && has) found = within < 0 ? -1 : begin + within;
      begin += sizes[std::size_t(i++)];
    };
    (look(G::chosen::has(p), sinter::optim::group_of<decltype(G::optimizer)>(p)), ...);
    return found != -2 ? found : sinter::optim::group_of<Optimizer>(p);
  }
  static constexpr int optimizer_of(int group) {
    int k = 0;
    while (group >= sizes[std::size_t(k)]) group -= sizes[std::size_t(k++)];
    return k;
  }
  static constexpr int group_within(int group) {
    for (int k = 0; group >= sizes[std::size_t(k)]; ++k) group -= sizes[std::size_t(k)];
    return group;
  }
  /// The optimizer of the K-th group: `step.optimizer.group<1>().lr = 1e-4f;`. 0 is that of all other parameters.
  template <int K> constexpr auto& group() { return at<K>(*this); }
  template <int K> constexpr const auto& group() const { return at<K>(*this); }

  constexpr void check() const {
    const auto check_one = [](const auto& o) { if constexpr (requires { o.check(); }) o.check(); };
    this->check_inner();
    others.spread([&](const G&... g) { (check_one(g.optimizer), ...); });
  }
  constexpr auto update(auto step, const auto& parts) const {
    return update_each<Groups, int(sizeof...(G)) + 1>([&](auto k, const auto& mine) {
      return sinter::optim::update(at<k()>(*this), step, mine);
    }, parts);
  }

 private:
  template <int K> static constexpr auto& at(auto& self) {
    if constexpr (K == 0) return self.inner();
    else return self.others.template get<std::size_t(K - 1)>().optimizer;
  }
};

/// An optimizer, with others for some parameters; of several groups that a parameter is chosen by the first has it.
///
///   optim::groups(optim::AdamW{.lr = 1e-3f}, optim::group<"backbone">(optim::AdamW{.lr = 1e-5f}),
///                 optim::group<"*.bias">(optim::SGD{.lr = 1e-2f}))
///
/// PyTorch: torch.optim.AdamW([{"params": …, "lr": 1e-5}, …]).
template <class Optimizer, class... G> constexpr Groups<Optimizer, G...> groups(Optimizer optimizer, G... others) {
  return {{optimizer}, {{others}...}};
}

/// See `no_decay` and `scale_lr`.
template <class Optimizer, class Chosen, class Change> struct Changed : Around<Optimizer> {
  using chosen = Chosen;
  Change change;
  SINTER_AROUND(change)

  static constexpr int groups = 2 * groups_in<Optimizer>;
  static constexpr int group_of(const ParameterInfo& p) {
    const int within = sinter::optim::group_of<Optimizer>(p);
    return within >= 0 && Chosen::has(p) ? groups_in<Optimizer> + within : within;
  }
  static constexpr int optimizer_of(int group) { return group / groups_in<Optimizer>; }
  static constexpr int group_within(int group) { return group % groups_in<Optimizer>; }

  constexpr auto update(auto step, const auto& parts) const {
    return update_each<Changed, 2>([&](auto k, const auto& mine) {
      if constexpr (k() == 0) {
        return sinter::optim::update(this->inner(), step, mine);
      } else {
        Optimizer changed = this->inner();
        each_inside(changed);
        return sinter::optim::update(changed, step, mine);
      }
    }, parts);
  }

 private:
  constexpr void each_inside(auto& o) const {
    if constexpr (requires { o.inner(); }) each_inside(o.inner());
    else change(o);
    if constexpr (requires { o.others; }) o.others.spread([&](auto&... g) { (each_inside(g.optimizer), ...); });
  }
};
/// What `no_decay` changes: an optimizer without weight decay.
struct NoDecay {
  constexpr void operator()(auto& optimizer) const { optimizer.weight_decay = 0.f; }
};
/// What `scale_lr` changes: an optimizer with its learning rate times a factor.
struct ScaleLr {
  Scalar factor = 1.f;
  constexpr void operator()(auto& optimizer) const {
    optimizer.lr.bind((optimizer.lr * factor).symbolic(factor.traced_in()));
  }
};

/// The optimizer without weight decay of biases and norms, or of the parameters named:
/// `optim::no_decay(optim::AdamW{})`, `optim::no_decay<"*.bias", "norm">(…)`. Its learning rate stays one number.
/// PyTorch: a group with weight_decay=0.
template <Which... W, class Optimizer> constexpr auto no_decay(Optimizer optimizer) {
  using Without = std::conditional_t<sizeof...(W) == 0, Vectors, Chosen<W...>>;
  return Changed<Optimizer, Without, NoDecay>{{optimizer}, {}};
}
/// The optimizer with its learning rate times a factor for these parameters: `optim::scale_lr<"backbone">(…, .1f)`.
/// Whoever changes the rate changes both. Rates by layer are several of them, one around another.
template <Which... W, class Optimizer> constexpr auto scale_lr(Optimizer optimizer, float factor) {
  return Changed<Optimizer, Chosen<W...>, ScaleLr>{{optimizer}, {factor}};
}

}  // namespace optim
}  // namespace sinter
