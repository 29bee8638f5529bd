// Batches from a data set.
#pragma once
#include <cstring>

#include "dataset.hpp"

namespace sinter::data {

struct LoaderOptions {
  bool shuffle = false;
  Seed seed = {};  ///< with the epoch's number it decides the order
};

/// Walks a data set in batches of up to `Batch` samples; the last one may be smaller, and its tensors say so by their length
/// 'B'. Each `begin()` starts a new epoch, in a new order where shuffling. The data set must outlive the loader; a batch is
/// valid until the next one. PyTorch: torch.utils.data.DataLoader.
template <int Batch, class Data> class Loader {
 public:
  using Input = typename Data::template Batches<upto<Batch, 'B'>>;
  using Target = typename Data::template Labels<upto<Batch, 'B'>>;

  Loader(const Data& data, LoaderOptions options) : data_(&data), options_(options) {}

  struct Sample {
    const Input& input;
    const Target& target;
  };
  class Iterator {
   public:
    explicit Iterator(Loader* loader) : loader_(loader) {}
    Sample operator*() const { return {loader_->input_, loader_->target_}; }
    Iterator& operator++() {
      loader_->next();
      return *this;
    }
    bool operator!=(std::nullptr_t) const { return loader_->filled_ > 0; }

   private:
    Loader* loader_;
  };
  Iterator begin() {
    if (options_.shuffle) order_ = shuffled(data_->size(), options_.seed, epoch_);
    else if (order_.size() != data_->size()) {
      order_.resize(data_->size());
      std::iota(order_.begin(), order_.end(), std::size_t(0));
    }
    ++epoch_;
    at_ = 0;
    next();
    return Iterator(this);
  }
  std::nullptr_t end() const { return nullptr; }

  std::size_t samples() const { return data_->size(); }
  std::size_t batches() const { return (data_->size() + Batch - 1) / Batch; }

 private:
  void next() {
    filled_ = std::min<std::size_t>(Batch, order_.size() - at_);
    for (std::size_t i = 0; i < filled_; ++i) {
      const std::size_t s = order_[at_ + i];
      std::memcpy(input_.data() + i * Data::sample_size, data_->features(s), Data::sample_size * sizeof(float));
      target_.data()[i] = data_->label(s);
    }
    at_ += filled_;
    input_.set_length('B', std::int64_t(filled_));
    target_.set_length('B', std::int64_t(filled_));
  }

  const Data* data_;
  LoaderOptions options_;
  std::vector<std::size_t> order_;
  std::size_t at_ = 0, filled_ = 0;
  std::uint64_t epoch_ = 0;
  Input input_;
  Target target_;
};

/// `auto batches = data::loader<128>(train, {.shuffle = true, .seed = Seed{7}});`
template <int Batch, class Data> Loader<Batch, Data> loader(const Data& data, LoaderOptions options = {}) { return {data, options}; }
template <int Batch, class Data> Loader<Batch, Data> loader(const Data&& data, LoaderOptions options = {}) = delete;  // it would outlive the data

}  // namespace sinter::data
