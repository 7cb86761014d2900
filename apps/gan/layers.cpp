#include "apps/gan/layers.h"

#include <cctype>
#include <memory>
#include <string_view>

#include "apps/gan/layer_arguments.h"
#include "lib/allocator.h"
#include "lib/error.h"
#include "lib/quote.h"

namespace duel::gan {
namespace {

/// Many more than anybody trains; without a limit a repeat could be built for hours.
constexpr int64_t most_layers = 10'000;

/// What a type's builder works with: it reads the arguments and moves the shape on.
struct Site {
  LayerArguments& arguments;
  Shape& shape;
  const Variables& variables;
  RandomStream& dropout;
  int64_t& left;  ///< how many layers the whole network may still get

  template <class... Parts>
  [[noreturn]] void complain(const char* type, const Parts&... parts) const {
    fail(arguments.path(), " (", type, ") ", parts...);
  }
  void check_picture(const char* type) const {
    if (shape.dims() != 4)
      complain(type, "takes pictures C x H x W, but gets ", size_text(shape), " numbers");
  }
};

std::unique_ptr<nn::Module> linear(Site& s) {
  if (s.shape.dims() != 2)
    s.complain("Linear", "takes one row of numbers, but gets ", size_text(s.shape), ": a Flatten is missing");
  const int64_t in = s.shape[1], out = s.arguments.whole("out_features", 1);
  s.arguments.check_size("in_features", in, size_text(s.shape));
  s.shape = {1, out};
  return std::make_unique<nn::Linear>(in, out, s.arguments.flag("bias", true));
}

/// "valid" is no padding; "same" keeps the side of the picture, as PyTorch defines both.
Pair padding_of(LayerArguments& arguments, Pair kernel_size, Pair stride, bool words_allowed) {
  const bool is_word = words_allowed && arguments.is_text("padding");
  if (!is_word) return arguments.pair("padding", 0, Pair{0, 0});
  const std::string word = arguments.text("padding");
  if (word == "valid") return {0, 0};
  if (word != "same")
    arguments.complain("padding", "must be a number, \"same\" or \"valid\", got \"", word, "\"");
  if (stride != Pair{1, 1} || kernel_size[0] % 2 == 0 || kernel_size[1] % 2 == 0)
    arguments.complain("padding", "can be \"same\" only with stride 1 and an odd kernel_size");
  return {kernel_size[0] / 2, kernel_size[1] / 2};
}

template <class Layer>
std::unique_ptr<nn::Module> convolution(Site& s) {
  constexpr bool transposed = std::is_same_v<Layer, nn::ConvTranspose2d>;
  constexpr const char* type = transposed ? "ConvTranspose2d" : "Conv2d";
  s.check_picture(type);
  LayerArguments& a = s.arguments;
  const int64_t in = s.shape[3], out = a.whole("out_channels", 1);
  a.check_size("in_channels", in, size_text(s.shape));
  const Pair kernel_size = a.pair("kernel_size", 1);
  nn::ConvOptions options;
  options.stride = a.pair("stride", 1, Pair{1, 1});
  options.padding = padding_of(a, kernel_size, options.stride, !transposed);
  if (transposed) options.output_padding = a.pair("output_padding", 0, Pair{0, 0});
  options.bias = a.flag("bias", true);
  try {
    if constexpr (transposed) {
      const Conv2dShape g = conv_transpose2d_shape(s.shape, {in, kernel_size[0], kernel_size[1], out},
                                                   options.stride, options.padding, options.output_padding);
      s.shape = {1, g.ih, g.iw, out};
    } else {
      const Conv2dShape g =
          conv2d_shape(s.shape, {out, kernel_size[0], kernel_size[1], in}, options.stride, options.padding);
      s.shape = {1, g.oh, g.ow, out};
    }
  } catch (const Error& error) {
    s.complain(type, "does not fit ", size_text(s.shape), ": ", error.what());
  }
  return std::make_unique<Layer>(in, out, kernel_size, options);
}

std::unique_ptr<nn::Module> batch_norm(Site& s) {
  s.check_picture("BatchNorm2d");
  s.arguments.check_size("num_features", s.shape[3], size_text(s.shape));
  const double eps = s.arguments.number("eps", 1e-5), momentum = s.arguments.number("momentum", 0.1);
  return std::make_unique<nn::BatchNorm2d>(s.shape[3], eps, momentum);
}

std::unique_ptr<nn::Module> dropout(Site& s) {
  const double p = s.arguments.number("p", 0.5);
  if (!(p >= 0 && p < 1)) s.arguments.complain("p", "must be at least 0 and less than 1, got ", p);
  return std::make_unique<nn::Dropout>(p, s.dropout);
}

std::unique_ptr<nn::Module> leaky_relu(Site& s) {
  const double slope = s.arguments.number("negative_slope", 0.01);
  if (!(slope >= 0)) s.arguments.complain("negative_slope", "must be at least 0, got ", slope);
  return std::make_unique<nn::LeakyReLU>(slope);
}

template <class Layer>
std::unique_ptr<nn::Module> plain(Site&) {
  return std::make_unique<Layer>();
}

std::unique_ptr<nn::Module> flatten(Site& s) {
  s.shape = {1, s.shape.numel()};
  return std::make_unique<nn::Flatten>();
}

std::unique_ptr<nn::Module> unflatten(Site& s) {
  const std::vector<int64_t> size = s.arguments.wholes("unflattened_size", 3);
  const int64_t c = size[0], h = size[1], w = size[2];
  const Shape picture{1, h, w, c};
  if (s.shape.dims() != 2 || s.shape.numel() != picture.numel())
    s.arguments.complain("unflattened_size", "is ", size_text(picture), " = ", picture.numel(),
                         ", but the layer gets ", size_text(s.shape));
  s.shape = picture;
  return std::make_unique<nn::Unflatten>(c, h, w);
}

/// build_layers() with the number of layers that may still be built.
void append_layers(nn::Sequential& network, const Layers& list, const std::string& path,
                   const Variables& variables, Shape& shape, RandomStream& dropout, int64_t& left);

std::unique_ptr<nn::Module> sequential(Site& s) {
  auto group = std::make_unique<nn::Sequential>();
  append_layers(*group, s.arguments.list("layers"), s.arguments.path() + ".layers", s.variables, s.shape,
                s.dropout, s.left);
  return group;
}

struct LayerType {
  const char* name;
  std::unique_ptr<nn::Module> (*build)(Site&);
};

constexpr LayerType layer_types[] = {{"Linear", linear},
                                     {"Conv2d", convolution<nn::Conv2d>},
                                     {"ConvTranspose2d", convolution<nn::ConvTranspose2d>},
                                     {"BatchNorm2d", batch_norm},
                                     {"Dropout", dropout},
                                     {"ReLU", plain<nn::ReLU>},
                                     {"LeakyReLU", leaky_relu},
                                     {"Sigmoid", plain<nn::Sigmoid>},
                                     {"Tanh", plain<nn::Tanh>},
                                     {"Flatten", flatten},
                                     {"Unflatten", unflatten},
                                     {"Sequential", sequential}};

const LayerType& layer_type(LayerArguments& arguments) {
  const std::string name = arguments.text("type");
  std::string names;
  for (const LayerType& type : layer_types) {
    if (name == type.name) return type;
    names += (names.empty() ? "" : ", ") + std::string(type.name);
  }
  arguments.complain("type", "must be one of ", names, ", got '", quoted_around(name, 0), "'");
}

/// "layer_{i + 1}" with the value of what stands in braces.
std::string layer_name(LayerArguments& arguments, const Variables& variables) {
  std::string name = arguments.text("name");
  for (size_t open = name.find('{'); open != std::string::npos; open = name.find('{')) {
    const size_t close = name.find('}', open);
    if (close == std::string::npos)
      arguments.complain("name", "has a { without a }: ", quoted_around(name, open));
    try {
      const double value = evaluate(name.substr(open + 1, close - open - 1), variables);
      name.replace(open, close - open + 1, concat(value));
    } catch (const Error& error) {
      arguments.complain("name", "cannot be read: ", error.what());
    }
  }
  if (name.empty() || name.find('.') != std::string::npos)
    arguments.complain("name", "must not be empty and have no dot, got '", quoted_around(name, 0), "'");
  return name;
}

void append_layer(nn::Sequential& network, const Json& json, const std::string& path,
                  const Variables& variables, Shape& shape, RandomStream& dropout, int64_t& left) {
  check(left-- > 0, path, " is one layer too many: a network may have ", most_layers,
        ", repeated ones counted each time");
  LayerArguments arguments(json, path, variables);
  const LayerType& type = layer_type(arguments);
  const std::string name =
      arguments.has("name") ? layer_name(arguments, variables) : std::to_string(network.children().size());
  if (network.has(name)) arguments.complain("name", "is that of another layer, too: '", name, "'");
  arguments.has("repeat");
  Site site{arguments, shape, variables, dropout, left};
  std::unique_ptr<nn::Module> layer;
  try {
    layer = type.build(site);
  } catch (const OutOfMemory&) {
    throw;
  } catch (const Error& error) {
    if (std::string_view(error.what()).starts_with(path)) throw;
    fail(path, " (", type.name, ") cannot be made: ", error.what());
  }
  arguments.check_all_known();
  network.append(name, std::move(layer));
}

void append_layers(nn::Sequential& network, const Layers& list, const std::string& path,
                   const Variables& variables, Shape& shape, RandomStream& dropout, int64_t& left) {
  check(!list.empty(), path, " must have at least one layer");
  for (size_t index = 0; index < list.size(); ++index) {
    const std::string place = concat(path, "[", index, "]");
    LayerArguments arguments(list[index], place, variables);
    if (!arguments.has("repeat")) {
      append_layer(network, list[index], place, variables, shape, dropout, left);
      continue;
    }
    const int64_t times = arguments.whole("repeat", 0);
    Variables within = variables;
    for (int64_t i = 1; i <= times; ++i) {
      within["i"] = static_cast<double>(i);
      append_layer(network, list[index], place, within, shape, dropout, left);
    }
  }
}

/// Whether fits(key, text) is true of a text in the layers; in a list it has the key of the list.
template <class Fits>
bool any_text(const Json& json, const std::string& key, const Fits& fits) {
  if (json.is_string()) return fits(key, json.get_ref<const std::string&>());
  if (!json.is_structured()) return false;
  for (const auto& item : json.items())
    if (any_text(item.value(), json.is_object() ? item.key() : key, fits)) return true;
  return false;
}

}  // namespace

bool layers_use(const Layers& list, std::string_view variable) {
  return any_text(list, "", [&](const std::string& key, const std::string& text) {
    return key != "type" && key != "name" && mentions(text, variable);
  });
}

bool layers_have(const Layers& list, std::string_view type) {
  return any_text(list, "", [&](const std::string& key, const std::string& text) {
    return key == "type" && text == type;
  });
}

Variables layer_variables(const Config& c) {
  return {{"image_size", static_cast<double>(c.image_size)},
          {"channels", static_cast<double>(c.channels)},
          {"z_dim", static_cast<double>(c.z_dim)},
          {"g_dim", static_cast<double>(c.g_dim)},
          {"d_dim", static_cast<double>(c.d_dim)},
          {"negative_slope", c.negative_slope},
          {"bn_eps", c.bn_eps},
          {"bn_momentum", c.bn_momentum},
          {"dropout", c.dropout}};
}

void build_layers(nn::Sequential& network, const Layers& list, const std::string& path,
                  const Variables& variables, Shape& shape, RandomStream& dropout) {
  int64_t left = most_layers;
  append_layers(network, list, path, variables, shape, dropout, left);
}

std::string size_text(const Shape& shape) {
  return shape.dims() == 4 ? concat(shape[3], " x ", shape[1], " x ", shape[2]) : concat(shape[1]);
}

}  // namespace duel::gan
