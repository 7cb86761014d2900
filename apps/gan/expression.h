// The numbers of a recipe's layers may be texts such as "image_size / 4 * g_dim".
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace duel::gan {

using Variables = std::map<std::string, double, std::less<>>;

/// The value of a text of numbers, variables, + - * / ^, brackets and log2(). Throws Error naming the column
/// of what cannot be read or is nested too deeply, and the variables there are where one is unknown.
double evaluate(std::string_view text, const Variables& variables);

/// Whether a text that evaluate() takes has the variable among its names.
bool mentions(std::string_view text, std::string_view variable);

}  // namespace duel::gan
