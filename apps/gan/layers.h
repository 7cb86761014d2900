// Networks out of the lists of layers in a recipe. Types and arguments have PyTorch's names; docs/recipes.md
// lists them.
#pragma once

#include <string>
#include <string_view>

#include "apps/gan/config.h"
#include "apps/gan/expression.h"
#include "lib/random.h"
#include "ops/nn/layers.h"

namespace duel::gan {

/// The names that the numbers of a recipe's layers may use: image_size, channels, z_dim, g_dim, ...
Variables layer_variables(const Config& config);

/// Whether a number of one of the layers is computed from the variable.
bool layers_use(const Layers& list, std::string_view variable);
/// Whether one of the layers is of the type.
bool layers_have(const Layers& list, std::string_view type);

/// Appends the layers of `list` to `network`. `shape` is that of one input, (1, F) or (1, H, W, C), and
/// becomes that of one output; sizes that a layer leaves out follow from it. Dropout draws from `dropout`. A
/// network may have 10,000 layers, those within Sequential and repeated ones included.
/// Throws Error naming the place, as in "generator[2].layers[0].kernel_size", and what was expected and found
/// there.
void build_layers(nn::Sequential& network, const Layers& list, const std::string& path,
                  const Variables& variables, Shape& shape, RandomStream& dropout);

/// As a recipe writes sizes: "128 x 4 x 4" (channels first), or "2048".
std::string size_text(const Shape& shape);

}  // namespace duel::gan
