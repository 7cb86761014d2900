// dcgan latent eval
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>

#include "apps/commands/latent_options.h"
#include "apps/latent/expression.h"
#include "lib/error.h"

namespace duel::commands {
namespace {

struct EvalOptions {
  LatentOptions common;
  std::vector<std::string> expressions, save_as;
};

std::string short_number(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", x);
  return text;
}

/// The expression with its names as pictures, and its value behind "=".
latent::Row picture_row(const latent::Expression& expression, const latent::Names& names,
                        const latent::Cell& value, const latent::Painter& painter) {
  latent::Row row;
  for (const latent::ExpressionPart& part : expression.parts()) {
    row.cells.push_back({part.text});
    if (part.is_name) row.cells.back().picture = painter.draw(*names.find(part.text));
  }
  row.cells.push_back({"="});
  row.cells.push_back(value);
  return row;
}

/// The result's name: --save-as where given, else R1, R2, ...
std::string result_name(const EvalOptions& o, size_t i) {
  return o.save_as.empty() ? concat("R", i + 1) : o.save_as[i];
}

/// Whether any of them has a face in it.
bool have_names(const std::vector<latent::Expression>& expressions) {
  return std::any_of(expressions.begin(), expressions.end(), [](const latent::Expression& expression) {
    const auto& parts = expression.parts();
    return std::any_of(parts.begin(), parts.end(), [](const auto& part) { return part.is_name; });
  });
}

void run(const EvalOptions& o, const CLI::App& command) {
  check(o.save_as.empty() || o.save_as.size() == o.expressions.size(), "--save-as has ",
        counted(std::ssize(o.save_as), "name"), " for ", counted(std::ssize(o.expressions), "expression"));
  std::vector<latent::Expression> expressions;
  for (const std::string& text : o.expressions) expressions.emplace_back(text);
  refuse_idle(command, {{"--names", !have_names(expressions) && o.save_as.empty(),
                         "where no expression has a name in it; leave it out, or name a face"}});
  o.common.check_outputs({.adds_names = !o.save_as.empty()});
  const latent::Painter painter = o.common.open_painter();
  const latent::Names names = o.common.read_names(painter);

  latent::Sheet sheet;
  latent::Names shown(painter.z_dim()), saved(painter.z_dim());
  std::string report;
  for (size_t i = 0; i < expressions.size(); ++i) {
    const latent::Expression& expression = expressions[i];
    const latent::Value value = expression.evaluate(names);
    latent::Cell cell;
    if (value.is_number) {
      check(o.save_as.empty(), "\"", expression.text(), "\" is the number ", value.elements[0],
            ", which --save-as cannot save as a face");
      cell.text = short_number(value.elements[0]);
      report += concat(expression.text(), " = ", cell.text, "\n");
    } else {
      const latent::Latent z = expression.evaluate_latent(names);
      cell = {result_name(o, i), painter.draw(z)};
      shown.set(cell.text, z);
      if (!o.save_as.empty()) {
        check(saved.find(cell.text) == nullptr, "--save-as gives the name ", cell.text, " twice");
        saved.set(cell.text, z);
      }
      report += concat(expression.text(), " = ", cell.text, ", of length ",
                       short_number(latent::length(value.elements)), "\n");
    }
    sheet.rows.push_back(picture_row(expression, names, cell, painter));
    for (const latent::ExpressionPart& part : expression.parts())
      if (part.is_name && shown.find(part.text) == nullptr) shown.set(part.text, *names.find(part.text));
  }
  std::cout << report;
  if (!o.save_as.empty()) add_names(saved, o.common, painter);
  o.common.write(sheet, shown, painter);
}

}  // namespace

void add_latent_eval(CLI::App& latent) {
  CLI::App* const command = add_command(latent, "eval", "Compute with named faces: \"0.5*(A+B) - C\"");
  const auto options = std::make_shared<EvalOptions>();
  add_expressions(
      *command, "EXPRESSION", options->expressions,
      "Names, numbers, + - * / ( ), abs(A), clamp(A, low, high), lerp(A, B, share), mean(A, B, ...), "
      "norm(A), slerp(A, B, share)")
      ->required();
  one_each_time(
      command->add_option("--save-as", options->save_as,
                          "Add the result under this name to the file of names; once for each expression"));
  options->common.add_to(*command, "eval.png");
  command->callback([options, command] { run(*options, *command); });
}

}  // namespace duel::commands
