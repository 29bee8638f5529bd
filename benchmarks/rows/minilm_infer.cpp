// A sentence embedding: six blocks of BERT, 128 tokens.
#include "../models.hpp"
#include "../scoreboard.hpp"

namespace scoreboard {
void minilm_infer(Source& source) { inference_row<nets::MiniLM, Tensor<int, 1, 128>>(source, "minilm_infer_t128"); }
}  // namespace scoreboard
