// A small transformer that writes words backwards, one letter at a time: "sinter>" becomes "retnis". Trained on whole
// sequences, each letter seeing those before it; used on sequences that grow, with one program for every length.
#include <sinter/sinter.hpp>

#include <cstdio>
#include <string>

using namespace sinter;

constexpr int longest = 6, length = 2 * longest, vocabulary = 27, width = 48;  // letters, and a token after the word

struct Reverser {
  nn::Embedding<vocabulary, width> letter;
  nn::Embedding<length, width> position;
  nn::TransformerEncoder<
      nn::TransformerEncoderLayer<width, 4, 4 * width, DropoutP(0), NormFirst, IsCausal,
                                  nn::TransformerActivation::gelu>,
      2>
      blocks;
  nn::LayerNorm<width> norm;
  nn::Linear<width, vocabulary> next;

  constexpr auto operator()(auto ids) const {
    const auto positions = cumsum<1>(ids * 0 + 1) - 1;  // 0, 1, 2, …
    return next(norm(blocks(letter(ids) + position(positions))));
  }
};

// Logits [B, T, vocabulary] with the letters that come next; −100, the label to ignore, where there is none.
constexpr auto loss = [](auto logits, auto target) {
  return nn::cross_entropy(reshape<-1, vocabulary>(logits), reshape<-1>(target));
};

std::string backwards(const std::string& word) { return {word.rbegin(), word.rend()}; }
int id_of(char c) { return c == '>' ? 26 : c - 'a'; }

int main() {
  constexpr int batch = 64;
  Model<Reverser> net(Seed{1});
  auto step = training<Tensor<int, batch, length>, Tensor<int, batch, length>>(net, loss, optim::AdamW{.lr = 3e-3f});

  Tensor<int, batch, length> ids, target;
  constexpr int steps = 300;
  for (int n = 0; n < steps; ++n) {
    const Philox random(Seed{2}, std::uint64_t(n));
    std::uint64_t drawn = 0;
    ids.fill(26);
    target.fill(-100);
    for (int b = 0; b < batch; ++b) {
      std::string word(3 + random.below(drawn++, longest - 2), 'a');
      for (char& c : word) c = char('a' + random.below(drawn++, 26));
      const std::string text = word + ">" + backwards(word);
      for (std::size_t t = 0; t + 1 < text.size(); ++t) {
        ids(b, int(t)) = id_of(text[t]);
        if (t >= word.size()) target(b, int(t)) = id_of(text[t + 1]);
      }
    }
    const float now = step(ids, target).loss;
    if (n % 100 == 0 || n + 1 == steps) std::printf("step %4d: loss %.4f\n", n, double(now));
  }

  // One word at a time: the text so far is a sequence of bounded length, and the logits at its last position give the
  // next letter.
  auto infer = inference<Tensor<int, 1, upto<length, 'T'>>>(net);
  int right = 0;
  for (const std::string word : {"sinter", "tensor", "shape", "loop", "axis", "fuse"}) {
    std::string text = word + ">";
    while (text.size() < 2 * word.size() + 1) {
      Tensor<int, 1, upto<length, 'T'>> so_far;
      so_far.set_length<'T'>(int(text.size()));
      for (std::size_t t = 0; t < text.size(); ++t) so_far(0, int(t)) = id_of(text[t]);
      const auto& logits = infer(so_far);
      int best = 0;
      for (int c = 1; c < 26; ++c)
        if (logits(0, int(text.size()) - 1, c) > logits(0, int(text.size()) - 1, best)) best = c;
      text += char('a' + best);
    }
    std::printf("%s\n", text.c_str());
    right += text == word + ">" + backwards(word);
  }
  return right >= 5 ? 0 : 1;
}
