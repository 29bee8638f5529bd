// The networks of the scoreboard; peer_values.py builds the same.
#pragma once
#include <sinter/models/gpt.hpp>
#include <sinter/models/lenet.hpp>
#include <sinter/models/minilm.hpp>
#include <sinter/models/mlp.hpp>
#include <sinter/models/mobilenet.hpp>
#include <sinter/models/resnet.hpp>
#include <sinter/sinter.hpp>

namespace nets = sinter::models;
using namespace sinter;
