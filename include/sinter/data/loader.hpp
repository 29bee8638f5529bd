// Batches from a data set.
#pragma once
#include <memory>
#include <optional>

#include "background.hpp"
#include "order.hpp"
#include "samples.hpp"

namespace sinter::inline SINTER_ABI::data {

/// How a loader makes batches. PyTorch: the arguments of torch.utils.data.DataLoader.
struct LoaderOptions {
  bool shuffle = false;              ///< a different order in every epoch
  Seed seed = {};                    ///< with the epoch's number it determines order and draws
  bool drop_last = false;            ///< leave out the last batch if it is smaller
  bool prefetch = false;             ///< a thread makes the next batch while this one is used; the batches are the same
  /// one per sample: an epoch draws as many samples as there are, with replacement, in proportion
  std::vector<double> weights = {};
};

namespace loader_detail {
template <auto Batch, class T, auto... E> Tensor<T, Batch, E...> batch_of(const Tensor<T, E...>&);
}  // namespace loader_detail
/// The type of a batch of samples of this type: `BatchOf<upto<32, 'B'>, Tensor<float, 28, 28>>`.
template <auto Batch, class Sample> using BatchOf =
    decltype(loader_detail::batch_of<Batch>(std::declval<const Sample&>()));

namespace loader_detail {
template <int Batch> struct ToBatch {
  template <class X> struct Of { using type = Tensor<X, upto<Batch, 'B'>>; };  // of numbers
  template <class T, auto... E> struct Of<Tensor<T, E...>> { using type = Tensor<T, upto<Batch, 'B'>, E...>; };
  template <class X> using of = typename Of<X>::type;
};
template <class X> inline constexpr bool is_bounded = false;
template <class T, auto... E> inline constexpr bool is_bounded<Tensor<T, E...>> = Tensor<T, E...>::shape.bounded();
/// Whether all tensors of a record have fixed extents.
template <class... X> consteval bool fixed(std::type_identity<std::tuple<X...>>) { return !(is_bounded<X> || ...); }
/// The names of the tensor types of a loader's batches: of pairs those of inputs and targets, of records none.
template <int Batch, class Data> struct BatchTypes {};
template <int Batch, PairSet Data> struct BatchTypes<Batch, Data> {
  using Input = BatchOf<upto<Batch, 'B'>, typename Data::Input>;
  using Target = BatchOf<upto<Batch, 'B'>, typename Data::Target>;
};
}  // namespace loader_detail

/// Where a loader is: its epoch, and the samples of it that were handed out.
struct LoaderPosition {
  std::uint64_t epoch = 0, samples = 0;
};

/// Iterates over a data set in batches of up to `Batch` samples; the last one may be smaller, which is the length 'B'
/// of its tensors: pairs, `const auto& [x, y]`, or records with the fields of a sample, `batch.image` (see RecordSet).
/// Each `begin()` starts a new epoch. A set that is not a temporary must outlive the loader. Batches own their memory,
/// which returns to the loader when they are destroyed: in a steady state nothing is allocated. An exception of the
/// data set is thrown in place of the batch, and ends the epoch. PyTorch: torch.utils.data.DataLoader, whose workers
/// are processes; here `prefetch` is one thread.
template <int Batch, DataSet Data> class Loader : public loader_detail::BatchTypes<Batch, Data> {
  static_assert(Batch > 0, "a batch has at least one sample");
  using One = typename SampleTypes<Data>::Whole;
  static_assert(loader_detail::fixed(std::type_identity<leaf_types<One>>{}),
                "a sample has fixed extents; pad those of variable length");

 public:
  /// A batch: the fields of a sample with the batch axis in front.
  using Sample = tree_as<One, loader_detail::ToBatch<Batch>>;

  Loader(const Data& data, LoaderOptions options) : Loader(&data, nullptr, std::move(options)) {}
  Loader(std::unique_ptr<const Data> data, LoaderOptions options)
      : Loader(nullptr, std::move(data), std::move(options)) {}
  Loader(const Loader&) = delete;  // its thread and its iterators point to it
  Loader& operator=(const Loader&) = delete;

  class Iterator {
   public:
    explicit Iterator(Loader* loader) : loader_(loader) {}
    /// The batch; a second call reads it again.
    Sample operator*() const { return loader_->hand_out(); }
    Iterator& operator++() {
      loader_->next();
      return *this;
    }
    bool operator!=(std::nullptr_t) const { return loader_->now_->samples > 0; }

   private:
    Loader* loader_;
  };
  /// Starts an epoch, even if the last one was not finished; after `seek`, from there. Throws `Error` if there is not
  /// one weight per sample.
  Iterator begin() {
    stop();
    const LoaderPosition from = std::exchange(sought_, std::nullopt).value_or(LoaderPosition{epochs_, 0});
    epoch_ = from.epoch;
    epochs_ = epoch_ + 1;
    arrange();
    at_ = std::min(std::size_t(from.samples), order_.size());
    if (options_.prefetch) {
      if (thread_ == nullptr) thread_ = std::make_unique<BackgroundThread<Loader>>(this, &Loader::fill_ahead);
      thread_->start();
    }
    next();
    return Iterator(this);
  }
  std::nullptr_t end() const { return nullptr; }

  /// The number of this epoch, from 0 on, or of the one that begins next: `for (auto e = batches.epoch(); e < 10; ++e)`
  /// goes on where a resumed run was interrupted.
  std::uint64_t epoch() const { return position().epoch; }
  /// Where the loader is. In the body of a loop the batch at hand is among the samples that were handed out.
  LoaderPosition position() const {
    if (sought_) return *sought_;
    return now_->samples > 0 ? LoaderPosition{epoch_, now_->first + now_->samples} : LoaderPosition{epochs_, 0};
  }
  /// The next `begin()` goes on from there: with the batches that an uninterrupted loader would hand out.
  void seek(LoaderPosition p) {
    stop();
    now_->samples = 0;
    sought_ = p;
  }

  /// Samples and batches of an epoch.
  std::size_t samples() const { return options_.drop_last ? data_->size() / Batch * Batch : data_->size(); }
  std::size_t batches() const { return (samples() + Batch - 1) / Batch; }

 private:
  Loader(const Data* data, std::unique_ptr<const Data> kept, LoaderOptions options)
      : data_(kept != nullptr ? kept.get() : data), kept_(std::move(kept)), options_(std::move(options)) {
    if (options_.weights.empty()) return;
    if (options_.shuffle)
      throw_error(ErrorCode::argument, "Loader, shuffle", "expected false with weights, found true",
                  "samples drawn by weight come in random order");
    sampler_.emplace(options_.weights);
  }
  struct Filled {
    tensor_detail::Pool pool;
    Sample batch = made(pool);
    std::size_t first = 0, samples = 0;
    bool handed_out = false;
  };

  /// Waits for the thread's current job. Its exception belongs to an abandoned epoch and is dropped.
  void stop() {
    failed_ahead_ = nullptr;
    if (thread_ != nullptr) thread_->finish();
  }
  /// The order of the new epoch.
  void arrange() {
    const std::size_t n = data_->size();
    if (sampler_ && options_.weights.size() != n)
      throw_error(ErrorCode::argument, "Loader, weights",
                  "expected " + std::to_string(n) + ", one a sample, found " + std::to_string(options_.weights.size()));
    order_.resize(n);
    if (sampler_) sampler_->draw(order_, options_.seed, epoch_);
    else std::iota(order_.begin(), order_.end(), std::size_t{});
    if (options_.shuffle) shuffle(order_, options_.seed, epoch_);
    order_.resize(samples());
  }
  void next() {
    now_->samples = 0;
    if (!options_.prefetch) return fill(*now_);
    if (failed_ahead_) std::rethrow_exception(std::exchange(failed_ahead_, nullptr));
    thread_->wait();
    std::swap(now_, ahead_);
    if (now_->samples > 0) thread_->start();
  }
  Sample hand_out() {
    if (std::exchange(now_->handed_out, true)) {
      // A data set is read by one thread at a time; an exception from reading ahead is for the next batch.
      if (thread_ != nullptr)
        if (const std::exception_ptr error = thread_->finish()) failed_ahead_ = error;
      read(*now_, now_->first, now_->samples);
      now_->handed_out = true;
    }
    return std::move(now_->batch);
  }
  /// Writes the next samples; none are left after the last, nor if one cannot be read.
  void fill(Filled& batch) {
    const std::size_t first = std::exchange(at_, order_.size()),
                      n = std::min<std::size_t>(Batch, order_.size() - first);
    batch.samples = 0;
    read(batch, first, n);
    at_ = first + n;
  }
  void read(Filled& batch, std::size_t first, std::size_t n) {
    // stays set until all is read, so that a failed batch is read again
    if (std::exchange(batch.handed_out, true)) batch.batch = made(batch.pool);
    for (std::size_t i = 0; i < n; ++i) read_one(batch.batch, i, {order_[first + i], epoch_});
    for_each_leaf(batch.batch, [&](auto& all) { all.set_length('B', std::int64_t(n)); });
    batch.first = first;
    batch.samples = n;
    batch.handed_out = false;
  }
  static Sample made(tensor_detail::Pool& pool) {
    return tree_of<Sample>([&]<class T>(std::type_identity<T>) { return T(uninitialized, pool); });
  }
  /// Writes sample i of a batch.
  void read_one(Sample& batch, std::size_t i, Visit v) const {
    const auto row = [i](auto& all) { return all.data() + std::ptrdiff_t(i) * (all.size() / Batch); };
    if constexpr (PairSet<Data>) {
      data_->read(v, row(batch.input), row(batch.target));
    } else {
      int at = 0;
      std::array<void*, std::size_t(leaves_in<Sample>)> rows;
      for_each_leaf(batch, [&](auto& all) { rows[std::size_t(at++)] = row(all); });
      at = 0;
      data_->read(v, tree_of<RecordViews<One>>([&]<class View>(std::type_identity<View>) {
        return View(static_cast<typename View::element*>(rows[std::size_t(at++)]));
      }));
    }
  }
  void fill_ahead() { fill(*ahead_); }

  const Data* data_;
  std::unique_ptr<const Data> kept_;  ///< a set that was a temporary
  LoaderOptions options_;
  std::optional<WeightedSampler> sampler_;
  std::vector<std::size_t> order_;
  std::size_t at_ = 0;
  std::uint64_t epoch_ = 0, epochs_ = 0;  ///< the number of this one, from 0, and of those started
  std::optional<LoaderPosition> sought_;
  std::exception_ptr failed_ahead_;
  std::unique_ptr<Filled> now_ = std::make_unique<Filled>(),
                          ahead_ = options_.prefetch ? std::make_unique<Filled>() : nullptr;
  std::unique_ptr<BackgroundThread<Loader>> thread_;  // last, so that it ends before what it works on is destroyed
};

/// `auto batches = data::loader<128>(train, {.shuffle = true, .seed = Seed{7}});`
template <int Batch, DataSet Data> Loader<Batch, Data> loader(const Data& data, LoaderOptions options = {}) {
  return {data, std::move(options)};
}
/// The same for a temporary set, which the loader keeps.
template <int Batch, class Data>
  requires(!std::is_reference_v<Data> && DataSet<std::remove_const_t<Data>>)
Loader<Batch, std::remove_const_t<Data>> loader(Data&& data, LoaderOptions options = {}) {
  return {std::make_unique<const std::remove_const_t<Data>>(std::forward<Data>(data)), std::move(options)};
}

}  // namespace sinter::data
