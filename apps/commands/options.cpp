#include "apps/commands/options.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "apps/gan/layers.h"
#include "lib/error.h"
#include "lib/kernels.h"
#include "lib/quote.h"
#include "ops/cpu/cpu_kernels.h"

namespace duel::commands {
namespace {

Device parse_device(const std::string& text) {
  const std::string prefix = "cuda:";
  Device device{Device::Kind::Cuda, 0};
  if (text == "cpu") return {};
  if (text == "auto") return fastest_device();
  if (text == "cuda") return device;
  if (text.starts_with(prefix)) {
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data() + prefix.size(), end, device.index);
    if (error == std::errc() && rest == end && device.index >= 0) return device;
  }
  fail("--device must be auto, cpu, cuda or cuda:N, got '", text, "'");
}

/// The number that `text` is, the nearest one where there is none so large, or nothing.
template <class Number, auto read, class... Base>
std::optional<Number> number_in(const std::string& text, Base... base) {
  char* end = nullptr;
  const Number value = read(text.c_str(), &end, base...);
  if (text.empty() || end != text.c_str() + text.size()) return std::nullopt;
  return value;
}

std::string complaint_of_text(const std::string& text) {
  return text.empty() ? "must not be empty; leave the option out instead" : "";
}

// What CLI11's conversion, which comes after these, takes for a number differs from one of its versions to
// the next: white space behind it, say, an empty text for 0, or what begins with a zero for octal.

template <class Whole, auto read>
std::string complaint_of_whole(const std::string& text) {
  if (text.empty()) return complaint_of_text(text);
  const size_t sign = text[0] == '-' || text[0] == '+' ? 1 : 0;
  if (text.size() > sign + 1 && text[sign] == '0' && std::isdigit(static_cast<unsigned char>(text[sign + 1])))
    return concat("is written without leading zeros, got ", text);
  errno = 0;
  if (!number_in<Whole, read>(text, 0)) return concat("must be a whole number, got '", text, "'");
  if (errno != ERANGE && (std::is_signed_v<Whole> || text[0] != '-')) return "";
  using Limits = std::numeric_limits<Whole>;
  return concat("must be a whole number from ", Limits::min(), " to ", Limits::max(), ", got ", text);
}

std::string complaint_of_number(const std::string& text) {
  if (text.empty()) return complaint_of_text(text);
  const std::optional<double> value = as_number(text);
  if (!value) return concat("must be a number, got '", text, "'");
  if (std::abs(*value) <= std::numeric_limits<float>::max()) return "";
  return concat("must be a finite number within single precision, got ", text);
}

/// Calls use(). The library knows no options: what its errors advise is done by `option` here.
template <class Use>
void advising(const char* option, const Use& use) {
  try {
    use();
  } catch (const Error& error) {
    fail(error.what(), " (", option, ")");
  }
}

}  // namespace

CLI::App* add_command(CLI::App& program, const char* name, const char* description) {
  return program.add_subcommand(name, description);
}

void MachineOptions::add_to(CLI::App& command) {
  command
      .add_option("--device", device,
                  "Where to compute: cpu, cuda, cuda:N, or auto (a card where one can be used, else the CPU)")
      ->capture_default_str();
  command.add_option("--threads", threads, "CPU threads; 0: one for each core")
      ->capture_default_str()
      ->check(at_least(0, 1024));
  command
      .add_option(
          "--conv", conv,
          "How to convolve: filtered (the fast kernels, and minimal filtering where a kernel is twice as "
          "wide as its stride), implicit (the fast kernels; the matrix is never stored), im2col (it is, for "
          "OpenBLAS or cuBLAS), or auto (the fastest: filtered on the CPU; on a card implicit, in fp32 "
          "im2col)")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "filtered", "implicit", "im2col"}));
  command
      .add_option("--precision", precision,
                  "Of the factors of products; sums and weights are float32: fp32, tf32 (cards), bf16 (in "
                  "which a card also keeps what flows between layers), or auto (fp32, but bf16 to train on a "
                  "card that has it)")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "fp32", "tf32", "bf16"}));
}

std::string MachineOptions::precision_on(Device chosen) const {
  if (precision != "auto") return precision;
  return training && kernels(chosen).trains_in_bf16() ? "bf16" : "fp32";
}

Device MachineOptions::apply() const {
  const Device chosen = parse_device(device);
  advising("--device cpu", [&] { kernels(chosen); });
  const std::string factors = precision_on(chosen);
  if (threads > 0) cpu::set_threads(threads);
  check(conv != "im2col" || factors == "fp32" || chosen.kind != Device::Kind::Cpu,
        "--conv im2col multiplies in fp32 on the CPU; leave out --precision or --conv");
  advising("--precision fp32", [&] {
    kernels(chosen).set_precision(factors == "bf16"   ? Precision::Bf16
                                  : factors == "tf32" ? Precision::Tf32
                                                      : Precision::Float32);
  });
  kernels(chosen).set_conv_algorithm(algorithm(chosen));
  return chosen;
}

ConvAlgorithm MachineOptions::algorithm(Device chosen) const {
  if (conv == "im2col") return ConvAlgorithm::Im2col;
  if (conv == "implicit") return ConvAlgorithm::Implicit;
  const bool by_library =
      conv == "auto" && chosen.kind == Device::Kind::Cuda && precision_on(chosen) == "fp32";
  return by_library ? ConvAlgorithm::Im2col : ConvAlgorithm::Filtered;
}

std::string MachineOptions::choices(Device chosen) const {
  const bool stored = kernels(chosen).activation_type() == DType::BFloat16;
  return concat(
      "products ", stored ? "and activations " : "", "in ", precision_on(chosen), ", convolutions ",
      kernels(chosen).conv_algorithm() == ConvAlgorithm::Im2col ? "by im2col" : "without a stored matrix");
}

std::vector<CLI::Option*> options_of(CLI::App& command) {
  return command.get_options(
      [](const CLI::Option* option) { return !option->get_name().starts_with("--help"); });
}

CLI::Option* one_each_time(CLI::Option* option) {
  return option->allow_extra_args(false)->option_text("TEXT");
}

CLI::Validator at_least(int64_t least, int64_t most) {
  return CLI::Validator(
      [least, most](const std::string& text) {
        const std::optional<int64_t> value = number_in<int64_t, std::strtoll>(text, 0);
        if (value > most) return concat("must be a whole number of at most ", most, ", got ", text);
        return value >= least ? std::string()
                              : concat("must be a whole number of at least ", least, ", got ", text);
      },
      most == std::numeric_limits<int64_t>::max() ? "" : concat("from ", least, " to ", most), "at_least");
}

std::optional<double> as_number(const std::string& text) { return number_in<double, std::strtod>(text); }

CLI::Validator number_within(double least, double most) {
  return CLI::Validator(
      [least, most](const std::string& text) {
        const std::optional<double> value = as_number(text);
        return value >= least && value <= most
                   ? std::string()
                   : concat("must be a number from ", least, " to ", most, ", got ", text);
      },
      concat("from ", least, " to ", most), "number_within");
}

CLI::Validator positive_number() {
  return CLI::Validator(
      [](const std::string& text) {
        return as_number(text) > 0.0 ? std::string() : concat("must be greater than 0, got ", text);
      },
      "greater than 0", "positive_number");
}

CLI::Validator utf8_path() {
  return CLI::Validator(
      [](const std::string& text) {
        for (std::string_view rest = text; !rest.empty(); rest.remove_prefix(length_of_character(rest)))
          if (length_of_character(rest) == 1 && static_cast<unsigned char>(rest[0]) >= 0x80)
            return concat("must be UTF-8, as the files of a run are, which keep it, got ", text,
                          "; give another name, or that of a link to it");
        return std::string();
      },
      "", "utf8_path");
}

void check_all_values(CLI::App& command) {
  const std::vector<std::pair<const char*, std::string (*)(const std::string&)>> complaints{
      {"TEXT", complaint_of_text},
      {"INT", complaint_of_whole<int64_t, std::strtoll>},
      {"UINT", complaint_of_whole<uint64_t, std::strtoull>},
      {"FLOAT", complaint_of_number}};
  for (CLI::Option* const option : command.get_options())
    for (const auto& [type, complaint] : complaints)
      if (option->get_type_name().starts_with(type)) option->check(CLI::Validator(complaint, "", type));
  for (CLI::App* const subcommand : command.get_subcommands({})) check_all_values(*subcommand);
}

void refuse_idle(const CLI::App& command, const std::vector<Idle>& options) {
  for (const auto& [option, when, why] : options)
    if (when && command.count(option) > 0) throw CLI::ValidationError(concat(option, " has no effect ", why));
}

std::vector<Idle> idle_beside(const CLI::App& command, const char* option,
                              const std::vector<CLI::Option*>& others) {
  std::vector<Idle> idle;
  for (const CLI::Option* const other : others)
    idle.push_back(
        {other->get_name(), command.count(option) > 0, concat("with ", option, "; leave one of them out")});
  return idle;
}

void add_network_options(CLI::App& command, gan::Config& config) {
  std::string names;
  for (const std::string& name : gan::recipe_names()) names += name + ", ";
  // First, because options take effect in the order in which they are added here: the others then change what
  // the recipe says.
  command
      .add_option_function<std::string>(
          "--recipe", [&config](const std::string& name) { config = gan::recipe(name); },
          concat("The recipe whose numbers are the defaults: ", names, "or a JSON file"))
      ->default_str(config.recipe);
  command.add_option("--image-size", config.image_size, "Side of the pictures in pixels: 32, 64 or 128")
      ->capture_default_str();
  command.add_option("--channels", config.channels, "1 (grey) or 3 (RGB)")->capture_default_str();
  command.add_option("--z-dim", config.z_dim, "Length of the latent vector")->capture_default_str();
  command.add_option("--g-dim", config.g_dim, "Width of G: each layer has a multiple of it in channels")
      ->capture_default_str();
  command.add_option("--d-dim", config.d_dim, "Width of D, likewise")->capture_default_str();
  command
      .add_option("--negative-slope", config.negative_slope, "Slope of LeakyReLU below 0 (the paper: 0.2)")
      ->capture_default_str();
  command
      .add_option("--bn-eps", config.bn_eps, "Batch norm, where the recipe has some: added to the variance")
      ->capture_default_str();
  command
      .add_option("--bn-momentum", config.bn_momentum,
                  "Batch norm: weight of a batch in the running statistics")
      ->capture_default_str();
  command
      .add_option("--dropout", config.dropout,
                  "Probability that a number is zeroed by dropout, where the recipe has some, as anime64")
      ->capture_default_str();
}

std::vector<Idle> idle_network_options(const gan::Config& config) {
  const gan::Variables values = gan::layer_variables(config), standard = gan::layer_variables({});
  std::vector<Idle> idle;
  for (const char* name : {"g_dim", "d_dim", "negative_slope", "bn_eps", "bn_momentum", "dropout"}) {
    std::string option = concat("--", name);
    std::replace(option.begin(), option.end(), '_', '-');
    // The standard value claims nothing: --dropout 0 is true of networks without any.
    const bool is_used =
        gan::layers_use(config.generator, name) || gan::layers_use(config.discriminator, name);
    idle.push_back({option, !is_used && values.at(name) != standard.at(name),
                    concat("with --recipe ", config.recipe,
                           ", none of whose layers uses it; leave it out, or take another recipe")});
  }
  return idle;
}

}  // namespace duel::commands
