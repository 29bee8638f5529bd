// Default arguments against PyTorch's (reference/defaults.txt, which reference/check_defaults.py compares with PyTorch
// itself).
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

using namespace sinter;

namespace {

/// The table, and which of its rows were checked.
class Table {
 public:
  Table() {
    std::ifstream file(SINTER_TESTS "/reference/defaults.txt");
    for (std::string line; std::getline(file, line);) {
      if (line.empty() || line[0] == '#') continue;
      const std::size_t at = line.rfind(' ');
      CHECK_MESSAGE(rows_.emplace(line.substr(0, at), line.substr(at + 1)).second, "two rows " << line);
    }
  }
  std::string text(const std::string& name) {
    const auto row = rows_.find("torch." + name);
    REQUIRE_MESSAGE(row != rows_.end(), "no row " << name);
    seen_.insert(row->first);
    return row->second;
  }
  double number(const std::string& name) {
    const std::string t = text(name);
    return t == "True" ? 1 : t == "False" ? 0 : std::stod(t);
  }
  void check(const std::string& name, double found) {
    CAPTURE(name);
    CHECK(found == doctest::Approx(number(name)).epsilon(1e-7));
  }
  void check_start(const std::string& name, const Initializer& found) {
    CAPTURE(name);
    using Kind = Initializer::Kind;
    const std::string kind = found.kind == Kind::constant  ? "constant"
                             : found.kind == Kind::uniform ? "uniform"
                                                           : "normal";
    const double value = number(name + " " + kind);
    CHECK((found.kind == Kind::constant ? found.a : found.b) == doctest::Approx(value));
    if (found.kind == Kind::uniform) CHECK(found.a == -found.b);
    if (found.kind == Kind::normal) CHECK(found.a == 0);
  }
  ~Table() {
    for (const auto& [name, value] : rows_)
      CHECK_MESSAGE(seen_.count(name) == 1, "nothing is compared with " << name << " " << value);
  }

 private:
  std::map<std::string, std::string> rows_;
  std::set<std::string> seen_;
};

void check_members(Table& t) {
  t.check("nn.LeakyReLU negative_slope", nn::LeakyReLU{}.negative_slope);
  t.check("nn.Hardtanh min_val", nn::Hardtanh{}.min_val);
  t.check("nn.Hardtanh max_val", nn::Hardtanh{}.max_val);
  t.check("nn.Hardshrink lambd", nn::Hardshrink{}.lambd);
  t.check("nn.Softshrink lambd", nn::Softshrink{}.lambd);
  t.check("nn.ELU alpha", nn::ELU{}.alpha);
  t.check("nn.CELU alpha", nn::CELU{}.alpha);
  t.check("nn.Softplus beta", nn::Softplus{}.beta);
  t.check("nn.Softplus threshold", nn::Softplus{}.threshold);
  t.check("nn.Dropout p", nn::Dropout{}.p);
  t.check("nn.PReLU init", nn::PReLU<>{}.weight.initializer.a);
  t.check("nn.PReLU num_parameters", double(nn::PReLU<>{}.weight.size()));
  const auto convolution = [&](const std::string& name, const auto& options) {
    t.check(name + " stride", options.stride[0]);
    t.check(name + " padding", options.padding[0]);
    t.check(name + " dilation", options.dilation[0]);
    t.check(name + " groups", options.groups);
    t.check(name + " bias", options.bias);
  };
  convolution("nn.Conv1d", Conv1dOptions{});
  convolution("nn.Conv2d", Conv2dOptions{});
  convolution("nn.Conv3d", Conv3dOptions{});
  CHECK((t.text("nn.MaxPool2d stride") == "None" && t.text("nn.AvgPool2d stride") == "None" &&
         Pool2dOptions{}.stride[0] == 0));
  t.check("nn.MaxPool2d padding", Pool2dOptions{}.padding[0]);
  t.check("nn.MaxPool2d dilation", Pool2dOptions{}.dilation[0]);
  t.check("nn.AvgPool2d padding", Pool2dOptions{}.padding[0]);
  t.check("nn.AvgPool2d count_include_pad", Pool2dOptions{}.count_include_pad);
  t.check("nn.BatchNorm1d eps", nn::BatchNorm1d<2>{}.eps);
  t.check("nn.BatchNorm1d momentum", nn::BatchNorm1d<2>{}.momentum);
  t.check("nn.BatchNorm2d eps", nn::BatchNorm2d<2>{}.eps);
  t.check("nn.BatchNorm2d momentum", nn::BatchNorm2d<2>{}.momentum);
  t.check("nn.LayerNorm eps", nn::LayerNorm<2>{}.eps);
  t.check("nn.GroupNorm eps", nn::GroupNorm<1, 2>{}.eps);
  CHECK((t.text("nn.RMSNorm eps") == "None" && nn::RMSNorm<2>{}.eps < 0));
  t.check("nn.RNNBase num_layers", RecurrentOptions{}.num_layers);
  t.check("nn.RNNBase bias", RecurrentOptions{}.bias);
  t.check("nn.RNNBase batch_first", RecurrentOptions{}.batch_first);
  t.check("nn.RNNBase bidirectional", RecurrentOptions{}.bidirectional);
  CHECK((t.text("nn.RNNCell nonlinearity") == "tanh" &&
         std::is_same_v<nn::RNNCell<2, 3>, nn::RNNCell<2, 3, Nonlinearity::tanh>>));
  CHECK((t.number("nn.RNNCell bias") == 1 &&
         std::is_same_v<nn::RNNCell<2, 3>, nn::RNNCell<2, 3, Nonlinearity::tanh, true>>));
  t.check("nn.MultiheadAttention dropout", AttentionOptions{}.dropout_p);
  CHECK((t.number("nn.TransformerEncoderLayer dim_feedforward") == 2048 &&
         std::is_same_v<nn::TransformerEncoderLayer<4, 2>, nn::TransformerEncoderLayer<4, 2, 2048>>));
  t.check("nn.TransformerEncoderLayer dropout", nn::TransformerOptions{}.dropout);
  CHECK((t.text("nn.TransformerEncoderLayer activation") == "relu" &&
         nn::TransformerOptions{}.activation == nn::TransformerActivation::relu));
  t.check("nn.TransformerEncoderLayer layer_norm_eps", nn::TransformerOptions{}.layer_norm_eps);
  t.check("nn.TransformerEncoderLayer norm_first", nn::TransformerOptions{}.norm_first);
  t.check("nn.functional.scaled_dot_product_attention dropout_p", AttentionOptions{}.dropout_p);
  t.check("nn.functional.scaled_dot_product_attention is_causal", AttentionOptions{}.is_causal);
  CHECK((t.text("nn.functional.scaled_dot_product_attention scale") == "None" && AttentionOptions{}.scale == 0));
  t.check("nn.functional.scaled_dot_product_attention enable_gqa", AttentionOptions{}.enable_gqa);
  t.check("nn.functional.cross_entropy ignore_index", nn::CrossEntropyOptions{}.ignore_index);
  t.check("nn.functional.cross_entropy label_smoothing", nn::CrossEntropyOptions{}.label_smoothing);
}

/// Equal applications are one node: a call with defaults is the call that spells them out.
void check_calls(Table& t) {
  graph::Builder g;
  const auto x = graph::new_input<Sym<float, 4, 6>>(g), y = graph::new_input<Sym<float, 4, 6>>(g);
  const auto labels = graph::new_input<Sym<int, 4>>(g);
  const auto n = [&](const std::string& name) { return t.number(name); };
  const std::string f = "nn.functional.";
  CHECK(leaky_relu(x).id == leaky_relu(x, n(f + "leaky_relu negative_slope")).id);
  CHECK(softplus(x).id == softplus(x, n(f + "softplus beta"), n(f + "softplus threshold")).id);
  CHECK(elu(x).id == elu(x, n(f + "elu alpha")).id);
  CHECK(celu(x).id == celu(x, n(f + "celu alpha")).id);
  CHECK(hardtanh(x).id == hardtanh(x, n(f + "hardtanh min_val"), 1).id);
  CHECK(softshrink(x).id == softshrink(x, n(f + "softshrink lambd")).id);
  CHECK(hardshrink(x).id == hardshrink(x, n(f + "hardshrink lambd")).id);
  CHECK((n("nn.GLU dim") == -1 && nn::GLU<>{}(x).id == glu<-1>(x).id && glu(x).id == glu<-1>(x).id));
  CHECK((n("nn.Flatten start_dim") == 1 && flatten(graph::new_input<Sym<float, 2, 3, 4>>(g)).extents()[1] == 12));
  CHECK(nn::nll_loss(x, labels).id == nn::nll_loss(x, labels, int(n(f + "nll_loss ignore_index"))).id);
  CHECK(nn::smooth_l1_loss(x, y).id == nn::smooth_l1_loss(x, y, n(f + "smooth_l1_loss beta")).id);
  CHECK(nn::huber_loss(x, y).id == nn::huber_loss(x, y, n(f + "huber_loss delta")).id);
  CHECK((t.text(f + "binary_cross_entropy_with_logits pos_weight") == "None" &&
         nn::binary_cross_entropy_with_logits(x, y).id == nn::binary_cross_entropy_with_logits(x, y, 1.0).id));
  CHECK((n(f + "kl_div log_target") == 0 && nn::kl_div(x, y).id != nn::kl_div(x, y, nn::log_target).id));
  for (const std::string loss : {"cross_entropy", "nll_loss", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss",
                                 "binary_cross_entropy", "binary_cross_entropy_with_logits", "kl_div"})
    CHECK(t.text(f + loss + " reduction") == "mean");
  CHECK(nn::mse_loss(x, y).id == nn::MeanSquaredError<nn::Reduction::mean>{}(x, y).id);
}

void check_optimizers(Table& t) {
  using namespace optim;
  const auto v = [](const Scalar& s) { return double(s.value()); };
  t.check("optim.SGD lr", v(SGD{}.lr));
  t.check("optim.SGD momentum", v(SGD{}.momentum));
  t.check("optim.SGD dampening", v(SGD{}.dampening));
  t.check("optim.SGD weight_decay", v(SGD{}.weight_decay));
  t.check("optim.SGD nesterov", v(SGD{}.nesterov));
  t.check("optim.Adam lr", v(Adam{}.lr));
  CHECK((t.text("optim.Adam betas") == "(0.9,0.999)" && Adam{}.beta1.value() == .9f && Adam{}.beta2.value() == .999f));
  t.check("optim.Adam eps", v(Adam{}.eps));
  t.check("optim.Adam weight_decay", v(Adam{}.weight_decay));
  CHECK((AMSGrad{}.lr.value() == 1e-3f && AMSGrad{}.beta1.value() == .9f && AMSGrad{}.beta2.value() == .999f &&
         AMSGrad{}.eps.value() == 1e-8f && AMSGrad{}.weight_decay.value() == 0));
  t.check("optim.AdamW lr", v(AdamW{}.lr));
  CHECK(
      (t.text("optim.AdamW betas") == "(0.9,0.999)" && AdamW{}.beta1.value() == .9f && AdamW{}.beta2.value() == .999f));
  t.check("optim.AdamW eps", v(AdamW{}.eps));
  t.check("optim.AdamW weight_decay", v(AdamW{}.weight_decay));
  t.check("optim.RMSprop lr", v(RMSprop{}.lr));
  t.check("optim.RMSprop alpha", v(RMSprop{}.alpha));
  t.check("optim.RMSprop eps", v(RMSprop{}.eps));
  t.check("optim.RMSprop weight_decay", v(RMSprop{}.weight_decay));
  t.check("optim.RMSprop momentum", v(RMSprop{}.momentum));
  t.check("optim.RMSprop centered", v(RMSprop{}.centered));
  t.check("optim.Adagrad lr", v(Adagrad{}.lr));
  t.check("optim.Adagrad lr_decay", v(Adagrad{}.lr_decay));
  t.check("optim.Adagrad weight_decay", v(Adagrad{}.weight_decay));
  t.check("optim.Adagrad initial_accumulator_value", v(Adagrad{}.initial_accumulator_value));
  t.check("optim.Adagrad eps", v(Adagrad{}.eps));
  t.check("optim.lr_scheduler.StepLR gamma", StepLR{}.gamma);
  t.check("optim.lr_scheduler.MultiStepLR gamma", MultiStepLR{}.gamma);
  t.check("optim.lr_scheduler.CosineAnnealingLR eta_min", CosineAnnealingLR{}.eta_min);
  t.check("optim.lr_scheduler.LinearLR start_factor", LinearLR{}.start_factor);
  t.check("optim.lr_scheduler.LinearLR end_factor", LinearLR{}.end_factor);
  t.check("optim.lr_scheduler.LinearLR total_iters", double(LinearLR{}.total_iters));
  const OneCycleLR cycle;
  t.check("optim.lr_scheduler.OneCycleLR pct_start", cycle.pct_start);
  CHECK((t.text("optim.lr_scheduler.OneCycleLR anneal_strategy") == "cos" && !cycle.linear));
  t.check("optim.lr_scheduler.OneCycleLR base_momentum", cycle.base_momentum);
  t.check("optim.lr_scheduler.OneCycleLR max_momentum", cycle.max_momentum);
  t.check("optim.lr_scheduler.OneCycleLR div_factor", cycle.div_factor);
  t.check("optim.lr_scheduler.OneCycleLR final_div_factor", cycle.final_div_factor);
  t.check("optim.lr_scheduler.OneCycleLR three_phase", cycle.three_phase);
}

void check_starts(Table& t) {
  t.check_start("nn.Linear(64,10) weight", nn::Linear<64, 10>{}.weight.initializer);
  t.check_start("nn.Linear(64,10) bias", nn::Linear<64, 10>{}.bias.initializer);
  t.check_start("nn.Conv1d(8,4,2) weight", nn::Conv1d<8, 4, 2>{}.weight.initializer);
  using Grouped = nn::Conv2d<4, 6, Spatial<2>{2, 8}, Conv2dOptions{.groups = 2}>;
  t.check_start("nn.Conv2d(4,6,(2,8),groups=2) weight", Grouped{}.weight.initializer);
  t.check_start("nn.Conv2d(4,6,(2,8),groups=2) bias", Grouped{}.bias.initializer);
  t.check_start("nn.Conv3d(2,3,2) weight", nn::Conv3d<2, 3, 2>{}.weight.initializer);
  t.check_start("nn.BatchNorm2d(8) weight", nn::BatchNorm2d<8>{}.weight.initializer);
  t.check_start("nn.BatchNorm2d(8) bias", nn::BatchNorm2d<8>{}.bias.initializer);
  t.check_start("nn.BatchNorm2d(8) running_mean", nn::BatchNorm2d<8>{}.running_mean.initializer);
  t.check_start("nn.BatchNorm2d(8) running_var", nn::BatchNorm2d<8>{}.running_var.initializer);
  t.check_start("nn.LayerNorm(8) weight", nn::LayerNorm<8>{}.weight.initializer);
  t.check_start("nn.LayerNorm(8) bias", nn::LayerNorm<8>{}.bias.initializer);
  t.check_start("nn.GroupNorm(2,8) weight", nn::GroupNorm<2, 8>{}.weight.initializer);
  t.check_start("nn.RMSNorm(8) weight", nn::RMSNorm<8>{}.weight.initializer);
  t.check_start("nn.Embedding(50,20) weight", nn::Embedding<50, 20>{}.weight.initializer);
  t.check_start("nn.PReLU(3) weight", nn::PReLU<3>{}.weight.initializer);
  t.check_start("nn.RNNCell(5,16) weight_ih", nn::RNNCell<5, 16>{}.weight_ih.initializer);
  t.check_start("nn.GRUCell(5,16) weight_hh", nn::GRUCell<5, 16>{}.weight_hh.initializer);
  t.check_start("nn.LSTMCell(5,16) bias_ih", nn::LSTMCell<5, 16>{}.bias_ih.initializer);
  const nn::LSTM<5, 16> lstm;
  t.check_start("nn.LSTM(5,16) weight_ih_l0", std::get<0>(lstm.layers)[0].weight_ih.initializer);
  t.check_start("nn.LSTM(5,16) bias_hh_l0", std::get<0>(lstm.layers)[0].bias_hh.initializer);
  using Attention = nn::MultiheadAttention<24, 2>;
  t.check_start("nn.MultiheadAttention(24,2) in_proj_weight", Attention{}.in_proj_weight.initializer);
  t.check_start("nn.MultiheadAttention(24,2) in_proj_bias", Attention{}.in_proj_bias.initializer);
  t.check_start("nn.MultiheadAttention(24,2) out_proj.weight", Attention{}.out_proj.weight.initializer);
  t.check_start("nn.MultiheadAttention(24,2) out_proj.bias", Attention{}.out_proj.bias.initializer);
}

}  // namespace

TEST_CASE("defaults and initial parameters are PyTorch's") {
  Table t;
  check_members(t);
  check_calls(t);
  check_optimizers(t);
  check_starts(t);
}

TEST_CASE("initialisers have the bounds and deviations of torch.nn.init") {
  const auto near = [](double x, double y) { return std::abs(x - y) < 1e-12; };
  // xavier_uniform_ of a weight [64, 32]: √(6 / 96); of a convolution [16, 8, 3, 3]: fans 72 and 144
  CHECK(near(nn::init::xavier_uniform(32, 64).b, 0.25));
  CHECK(near(nn::init::xavier_uniform(72, 144).a, -1. / 6));
  CHECK(near(nn::init::xavier_normal(30, 20, 2).b, 0.4));
  CHECK(near(nn::init::kaiming_uniform(24).b, 0.5));
  CHECK(near(nn::init::kaiming_uniform(12, 1).a, -0.5));
  CHECK(near(nn::init::kaiming_normal(50).b, 0.2));
  CHECK(nn::init::kaiming_normal(0).b == 0);

  struct Net {
    Param<float, 400, 100> weight{nn::init::xavier_normal(100, 400)};
  };
  const Model<Net> net(Seed{1});
  const float deviation = Tensor<float>(sqrt(mean(square(net->weight)))).item();
  CHECK(deviation == doctest::Approx(std::sqrt(2. / 500)).epsilon(.02));
}
