// The printed form of a network.
#include <algorithm>
#include <map>

#include "ops/nn/module.h"

namespace duel::nn {
namespace {

struct Line {
  std::string text, output, parameters;
};

std::string with_commas(int64_t number) {
  std::string digits = std::to_string(number);
  for (auto i = static_cast<int64_t>(digits.size()) - 3; i > 0; i -= 3)
    digits.insert(static_cast<size_t>(i), 1, ',');
  return digits;
}

/// Without the batch, pictures as C x H x W.
std::string picture_shape(const Shape& shape) {
  std::vector<int64_t> sizes(shape.begin() + (shape.dims() > 0), shape.end());
  if (sizes.size() == 3) std::rotate(sizes.begin(), sizes.begin() + 2, sizes.end());
  std::string text;
  for (size_t i = 0; i < sizes.size(); ++i) text.append(i ? " x " : "").append(std::to_string(sizes[i]));
  return text;
}

void describe(const Module& module, const std::string& label, const std::string& indent,
              const std::map<const Module*, Shape>& outputs, std::vector<Line>& lines) {
  const auto found = outputs.find(&module);
  const std::string output = found == outputs.end() ? "" : picture_shape(found->second);
  if (module.children().empty()) {
    const int64_t count = module.parameter_count();
    lines.push_back({indent + label + module.description(), output, count ? with_commas(count) : ""});
    return;
  }
  lines.push_back({indent + label + module.description() + "(", "", ""});
  for (const auto& [name, child] : module.children())
    describe(*child, concat("(", name, "): "), indent + "  ", outputs, lines);
  lines.push_back({indent + ")", "", ""});
}

}  // namespace

std::string summary(Module& module, const std::string& name, const Shape& input) {
  std::map<const Module*, Shape> outputs;
  int64_t multiply_adds = 0;
  Module::trace(module, input, [&](const Module& part, const Shape& in, const Shape& out) {
    outputs[&part] = out;
    multiply_adds += part.multiply_adds(in, out);
  });
  std::vector<Line> lines;
  describe(module, name + ": ", "", outputs, lines);
  size_t text_width = 0, output_width = 0, count_width = 0;
  for (const Line& line : lines) {
    if (line.output.empty()) continue;
    text_width = std::max(text_width, line.text.size());
    output_width = std::max(output_width, line.output.size());
    count_width = std::max(count_width, line.parameters.size());
  }
  std::string out;
  for (const Line& line : lines) {
    out += line.text;
    if (!line.output.empty()) {
      out += std::string(text_width - line.text.size() + 2, ' ') + line.output;
      if (!line.parameters.empty())
        out +=
            std::string(output_width - line.output.size() + 2 + count_width - line.parameters.size(), ' ') +
            line.parameters;
    }
    out += "\n";
  }
  const double millions = static_cast<double>(multiply_adds) / 1e6;
  std::string rounded = std::to_string(millions);
  return out + name + " has " + with_commas(module.parameter_count()) + " parameters and takes " +
         rounded.substr(0, rounded.find('.') + 3) + " M multiply-adds a picture\n";
}

}  // namespace duel::nn
