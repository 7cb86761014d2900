// That each field of a configuration reaches what it is for: two trainers which differ in one field only.
#include "apps/gan/trainer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "lib/random.h"
#include "ops/losses.h"
#include "tests/tensors.h"

namespace duel::gan {
namespace {

using Numbers = std::vector<double>;

Config small(const std::string& optimizer = "Adam") {
  Config config;
  config.g_dim = config.d_dim = 2;
  config.z_dim = 4;
  config.batch_size = 4;
  config.sample_count = 4;
  config.optimizer_g.type = config.optimizer_d.type = optimizer;
  return config;
}

Numbers parameters_of(const nn::Module& network) {
  Numbers all;
  for (const nn::NamedTensor& part : network.state()) {
    if (part.tensor->dtype() == DType::Int64) continue;
    const Numbers values = values_of(*part.tensor);
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

/// What a trainer makes of the same pictures, and of the latents that it draws, in two iterations.
struct Course {
  Numbers g_first, d_first, z, fixed_z, d_loss, g_loss, g_last, d_last;
};

Course course_of(const Config& config) {
  check_config(config);
  Trainer trainer(config);
  Course course;
  course.g_first = parameters_of(trainer.generator());
  course.d_first = parameters_of(trainer.discriminator());
  course.fixed_z = values_of(trainer.fixed_z());
  const Tensor real = random_tensor({4, 32, 32, 3}, 1, DType::Float32, Uniform{-1, 1});
  for (int iteration = 0; iteration < 2; ++iteration) {
    const Tensor z = trainer.draw_z(4);
    if (iteration == 0) course.z = values_of(z);
    course.d_loss.push_back(trainer.d_step(real, z).loss.item());
    course.g_loss.push_back(trainer.g_step(trainer.draw_z(4)).item());
  }
  course.g_last = parameters_of(trainer.generator());
  course.d_last = parameters_of(trainer.discriminator());
  return course;
}

struct Field {
  const char* name;
  std::function<void(Config&)> change;
  std::vector<Numbers Course::*> differ, stay;  ///< what the field is for, and what it must leave alone
  const char* optimizer = "Adam";
};

void PrintTo(const Field& field, std::ostream* out) { *out << field.name; }

const Field fields[] = {
    {"seed",
     [](Config& c) { c.seed = 1; },
     {&Course::g_first, &Course::d_first, &Course::z, &Course::fixed_z},
     {}},
    {"init_std", [](Config& c) { c.init_std = 0.1; }, {&Course::g_first, &Course::d_first}, {&Course::z}},
    {"bn_init_std",
     [](Config& c) { c.bn_init_std = 0.1; },
     {&Course::g_first, &Course::d_first},
     {&Course::z}},
    {"init_distribution",
     [](Config& c) { c.init_distribution = "glorot_uniform"; },
     {&Course::g_first, &Course::d_first},
     {&Course::z}},
    {"latent", [](Config& c) { c.latent = "normal"; }, {&Course::z, &Course::fixed_z}, {&Course::g_first}},
    {"negative_slope", [](Config& c) { c.negative_slope = 0.3; }, {&Course::d_loss}, {&Course::d_first}},
    {"bn_eps", [](Config& c) { c.bn_eps = 0.5; }, {&Course::d_loss, &Course::g_last}, {&Course::g_first}},
    {"bn_momentum",
     [](Config& c) { c.bn_momentum = 0.7; },
     {&Course::g_last, &Course::d_last},
     {&Course::d_loss}},
    {"label_real", [](Config& c) { c.label_real = 0.9; }, {&Course::d_loss, &Course::g_loss}, {&Course::z}},
    {"label_fake", [](Config& c) { c.label_fake = 0.1; }, {&Course::d_loss}, {&Course::z}},
    {"label_noise", [](Config& c) { c.label_noise = 0.1; }, {&Course::d_loss}, {&Course::z}},
    {"lr_g", [](Config& c) { c.optimizer_g.lr = 1e-2; }, {&Course::g_last}, {&Course::g_first}},
    {"lr_d",
     [](Config& c) { c.optimizer_d.lr = 1e-2; },
     {&Course::d_last, &Course::g_loss},
     {&Course::g_first}},
    {"beta1", [](Config& c) { c.optimizer_d.betas[0] = 0.9; }, {&Course::d_last}, {&Course::g_first}},
    {"beta2", [](Config& c) { c.optimizer_d.betas[1] = 0.5; }, {&Course::d_last}, {&Course::g_first}},
    {"eps", [](Config& c) { c.optimizer_d.eps = 1e-2; }, {&Course::d_last}, {&Course::g_first}},
    {"alpha", [](Config& c) { c.optimizer_d.alpha = 0.5; }, {&Course::d_last}, {&Course::g_first}, "RMSprop"},
    {"decay", [](Config& c) { c.optimizer_d.decay = 0.5; }, {&Course::d_last}, {&Course::g_first}, "RMSprop"},
    {"clip_value",
     [](Config& c) { c.optimizer_d.clip_value = 1e-4; },
     {&Course::d_last},
     {&Course::g_first},
     "RMSprop"},
};

class TrainerFields : public testing::TestWithParam<Field> {};

TEST_P(TrainerFields, ReachWhatTheyAreFor) {
  const Field& field = GetParam();
  Config changed = small(field.optimizer);
  field.change(changed);
  const Course before = course_of(small(field.optimizer)), after = course_of(changed);
  for (const auto part : field.differ) EXPECT_NE(before.*part, after.*part);
  for (const auto part : field.stay) EXPECT_EQ(before.*part, after.*part);
}

INSTANTIATE_TEST_SUITE_P(, TrainerFields, testing::ValuesIn(fields),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(Trainer, DrawsDifferentNumbersForEachPurpose) {
  Trainer one(small());
  Config config = small();
  config.seed = 1;
  Trainer other(config);
  EXPECT_NE(values_of(one.fixed_z()), values_of(one.draw_z(4)));
  const auto streams = one.random_streams(), others = other.random_streams();
  std::vector<Numbers> seen;
  for (size_t i = 0; i < streams.size(); ++i) {
    for (RandomStream* stream : {streams[i].second, others[i].second}) {
      const Tensor x = Tensor::empty({8});
      stream->fill(x, Uniform{0, 1});
      for (const Numbers& earlier : seen) EXPECT_NE(values_of(x), earlier) << streams[i].first;
      seen.push_back(values_of(x));
    }
  }
}

std::vector<Numbers> labels_given;  // a loss is a plain function

/// The loss, told what it is given.
Tensor overheard_loss(const Tensor& logits, const Tensor& target) {
  labels_given.push_back(values_of(target));
  return bce_with_logits(logits, target);
}

TEST(Trainer, ABatchMayBeLargerThanThoseOfTheRun) {
  Config config = small();
  config.label_real = 0.75;
  config.label_fake = 0.125;
  Trainer trainer(config);
  trainer.set_loss(overheard_loss);
  for (const size_t count : {3u, 4u, 8u}) {  // fewer than a batch, a batch, two
    labels_given.clear();
    const auto n = static_cast<int64_t>(count);
    trainer.d_step(random_tensor({n, 32, 32, 3}, 1, DType::Float32), trainer.draw_z(n));
    trainer.g_step(trainer.draw_z(n));
    EXPECT_EQ(labels_given, (std::vector{Numbers(count, 0.75), Numbers(count, 0.125), Numbers(count, 0.75)}))
        << count;
  }
}

TEST(Trainer, NoiseIsAddedToTheLabelsOfDAlone) {
  Config config = small();
  config.label_real = 0.9;
  config.label_fake = 0.2;
  config.label_noise = 0.05;
  Trainer trainer(config);
  labels_given.clear();
  trainer.set_loss(overheard_loss);
  trainer.d_step(random_tensor({4, 32, 32, 3}, 1, DType::Float32), trainer.draw_z(4));
  trainer.g_step(trainer.draw_z(4));
  ASSERT_EQ(labels_given.size(), 3u);
  for (const auto& [of, label] : {std::pair{labels_given[0], 0.9}, {labels_given[1], 0.2}}) {
    const auto [least, most] = std::minmax_element(of.begin(), of.end());
    EXPECT_GT(*least, label - 1e-6);
    EXPECT_LT(*most, label + 0.05 + 1e-6);
    EXPECT_LT(*least, *most);
  }
  for (const double label : labels_given[2]) EXPECT_FLOAT_EQ(static_cast<float>(label), 0.9f);
}

}  // namespace
}  // namespace duel::gan
