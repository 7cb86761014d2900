// dcgan gradcheck
#include "ops/check/gradcheck.h"

#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "apps/commands/commands.h"
#include "apps/commands/options.h"
#include "apps/gan/networks.h"
#include "lib/autograd.h"
#include "ops/arithmetic.h"
#include "ops/check/gradcheck_table.h"
#include "ops/check/op_cases.h"
#include "ops/losses.h"
#include "ops/nn/init.h"
#include "ops/nn/module.h"

namespace duel::commands {
namespace {

struct Options {
  gan::Config config;
  std::string op;
  int64_t batch_size = 4, elements = 8;
  uint64_t seed = 0;
  MachineOptions machine;
};

/// The op of --op, or all of them.
std::map<std::string, std::vector<OpCase>> chosen_ops(const Options& o) {
  std::map<std::string, std::vector<OpCase>> by_op;
  std::set<std::string> known;
  for (const OpCase& op_case : op_cases()) {
    if (!op_case.gradcheck) continue;
    known.insert(op_case.op);
    if (o.op.empty() || op_case.op == o.op) by_op[op_case.op].push_back(op_case);
  }
  std::string list;
  for (const std::string& name : known) list += (list.empty() ? "" : " ") + name;
  check(!by_op.empty(), "--op: there is no op '", o.op, "', it takes one of: ", list);
  return by_op;
}

void check_ops(const std::map<std::string, std::vector<OpCase>>& by_op, const Options& o, Device device,
               GradcheckTable& table) {
  for (const auto& [op, cases] : by_op) {
    GradcheckRow row(op);
    for (const OpCase& op_case : cases) {
      const OpTensors tensors = op_tensors(op_case, DType::Float64, device);
      std::vector<std::string> names;
      for (const OpTensor& input : op_case.inputs) names.push_back(input.name);
      row.add(
          gradcheck([&] { return run_op(op_case, tensors); }, op_inputs(op_case, tensors), {.seed = o.seed}),
          op_case.name, names);
    }
    table.add(row);
  }
}

/// Of each tensor some elements, in steps so small that few of a network's many kinks lie within one.
void check_network(const char* name, const nn::Module& network, const std::function<Tensor()>& loss,
                   const Options& o, GradcheckTable& table) {
  std::vector<Tensor> parameters;
  std::vector<std::string> names;
  for (const nn::NamedTensor& parameter : network.parameters()) {
    parameters.push_back(*parameter.tensor);
    names.push_back(parameter.name);
  }
  GradcheckRow row(name);
  row.add(gradcheck(loss, parameters,
                    {.rtol = 1e-4, .atol = 1e-8, .step = 3e-8, .max_elements = o.elements, .seed = o.seed}),
          "", names);
  table.add(row);
}

void check_networks(const Options& o, Device device, GradcheckTable& table) {
  gan::Generator generator(o.config, device);
  gan::Discriminator discriminator(o.config, device);
  RandomStream stream(o.seed, Stream::Weights, device);
  for (nn::Module* network : std::initializer_list<nn::Module*>{&generator, &discriminator}) {
    nn::init_normal(*network, o.config.init_std, stream);
    network->to(DType::Float64);
  }
  const int64_t count = o.batch_size, size = o.config.image_size;
  const Tensor z = Tensor::empty({count, o.config.z_dim}, DType::Float64, device);
  const Tensor real = Tensor::empty({count, size, size, o.config.channels}, DType::Float64, device);
  stream.fill(z, Uniform{-1, 1});
  stream.fill(real, Uniform{-1, 1});
  const Tensor ones = Tensor::full({count, 1}, 1, DType::Float64, device);
  const Tensor zeros = Tensor::zeros({count, 1}, DType::Float64, device);

  // Every evaluation of a loss meets the same dropout masks.
  const auto drop_alike = [&] {
    generator.dropout().set_position(0);
    discriminator.dropout().set_position(0);
  };

  {
    const nn::Frozen g_is_frozen(generator);
    const Tensor fake = generator(z);
    check_network(
        "D's loss", discriminator,
        [&] {
          drop_alike();
          return add(bce_with_logits(discriminator(real), ones), bce_with_logits(discriminator(fake), zeros));
        },
        o, table);
  }
  const nn::Frozen d_is_frozen(discriminator);
  check_network(
      "G's loss", generator,
      [&] {
        drop_alike();
        return bce_with_logits(discriminator(generator(z)), ones);
      },
      o, table);
}

void run(const Options& o, const CLI::App& command) {
  refuse_idle(command, idle_network_options(o.config));
  refuse_idle(command, {{"--precision", o.machine.precision != "auto",
                         "on gradients, which are compared in float64; leave it out"}});
  gan::check_config(o.config);
  const Device device = o.machine.apply();
  const auto ops = chosen_ops(o);
  GradcheckTable table(std::cout);
  check_ops(ops, o, device, table);
  if (o.op.empty()) check_networks(o, device, table);
  if (!table.passed()) {
    std::cerr
        << "dcgan: gradcheck: a gradient differs from its difference quotient: see the lines marked FAIL"
        << std::endl;
    throw Exit{1};
  }
}

}  // namespace

void add_gradcheck(CLI::App& program) {
  CLI::App* const command = add_command(
      program, "gradcheck",
      "Compare the gradient of every op and of both networks with difference quotients, in float64");
  const auto options = std::make_shared<Options>();
  add_network_options(*command, options->config);
  command
      ->add_option("--elements", options->elements, "Elements checked of each tensor of the networks; 0: all")
      ->capture_default_str()
      ->check(at_least(0));
  command->add_option("--batch-size", options->batch_size, "Pictures that the networks see")
      ->capture_default_str()
      ->check(at_least(2));
  const std::vector<CLI::Option*> of_the_networks = options_of(*command);
  command->add_option("--op", options->op, "Only this op, and no network");
  command->add_option("--seed", options->seed, "Weights, inputs and the choice of elements follow from it")
      ->capture_default_str()
      ->check(at_least(0));
  options->machine.add_to(*command);
  command->callback([options, command, of_the_networks] {
    refuse_idle(*command, idle_beside(*command, "--op", of_the_networks));
    run(*options, *command);
  });
}

}  // namespace duel::commands
