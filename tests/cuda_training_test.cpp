// The training step of the program on the CUDA backend: recorded against called kernel by kernel, batches
// picked on the device against those of the host, and its course against the CPU's.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <iterator>

#include "apps/gan/batches.h"
#include "apps/gan/iteration.h"
#include "lib/allocator.h"
#include "lib/autograd.h"
#include "lib/data/batch_loader.h"
#include "ops/arithmetic.h"
#include "ops/cast.h"
#include "ops/conv2d.h"
#include "ops/reductions.h"
#include "tests/cuda_test.h"
#include "tests/with_conv_algorithm.h"

namespace duel::gan {
namespace {

class CudaTraining : public CudaTest {};

/// Pictures in which every byte tells where it stands.
class NumberedPictures final : public Dataset {
 public:
  NumberedPictures(int64_t count, int64_t size, int64_t channels)
      : count_(count), size_(size), channels_(channels) {}
  int64_t size() const override { return count_; }
  int64_t image_size() const override { return size_; }
  int64_t channels() const override { return channels_; }
  void read(int64_t index, uint8_t* pixels) const override {
    for (int64_t i = 0; i < picture_bytes(); ++i)
      pixels[i] = static_cast<uint8_t>(37 * index + 11 * i + i / 7);
  }
  std::string description() const override { return "numbered"; }

 private:
  int64_t count_, size_, channels_;
};

/// Batch norm, Adam and clean labels; `noisy` adds dropout, noisy labels, normal latents and RMSprop.
Config small_config(bool noisy = false) {
  Config config;
  config.g_dim = config.d_dim = 2;
  config.batch_size = 6;
  config.z_dim = 8;
  config.hflip = true;
  if (!noisy) return config;
  config.dropout = 0.4;
  const Layers dropout = Layers::object({{"name", "dropout"}, {"type", "Dropout"}, {"p", "dropout"}});
  config.discriminator.insert(std::prev(config.discriminator.end()), dropout);
  config.label_noise = 0.05;
  config.latent = "normal";
  config.optimizer_g.type = config.optimizer_d.type = "RMSprop";
  check_config(config);
  return config;
}

/// All that a checkpoint holds of a trainer.
std::vector<std::vector<double>> state_of(Trainer& trainer) {
  std::vector<std::vector<double>> all;
  for (nn::Module* network :
       std::initializer_list<nn::Module*>{&trainer.generator(), &trainer.discriminator()}) {
    for (const nn::NamedTensor& part : network->state()) {
      all.push_back(part.tensor->dtype() == DType::Int64 ? std::vector<double>{part.tensor->item()}
                                                         : values_of(*part.tensor));
    }
  }
  for (Optimizer* optimizer : {&trainer.optimizer_g(), &trainer.optimizer_d()}) {
    for (const auto& [name, tensor] : optimizer->state()) all.push_back(values_of(tensor));
  }
  for (const auto& [name, stream] : trainer.random_streams())
    all.push_back({static_cast<double>(stream->position())});
  return all;
}

std::vector<double> as_vector(const Losses& losses) {
  return {losses.d_loss, losses.d_real, losses.d_fake, losses.g_loss};
}

// ---- steps ----

void expect_recorded_steps_give_the_same_bits(const Config& config) {
  const NumberedPictures data(4 * config.batch_size, config.image_size, config.channels);
  Trainer plain_trainer(config, cuda_device), recorded_trainer(config, cuda_device);
  Iteration plain(plain_trainer, false), recorded(recorded_trainer, true);
  const auto plain_batches = make_batches(data, config, cuda_device),
             recorded_batches = make_batches(data, config, cuda_device);
  std::vector<Iteration::Pending> expected, actual;  // read late, as the program does
  for (int i = 0; i < 5; ++i) {                      // two plain runs, then replays
    plain_batches->next(plain.pictures());
    expected.push_back(plain.run());
    recorded_batches->next(recorded.pictures());
    actual.push_back(recorded.run());
  }
  for (size_t i = 0; i < expected.size(); ++i) {
    const std::vector<double> losses = as_vector(expected[i].wait());
    EXPECT_EQ(as_vector(actual[i].wait()), losses) << "iteration " << i;
    for (const double loss : losses) EXPECT_TRUE(std::isfinite(loss)) << "iteration " << i;
  }
  EXPECT_EQ(state_of(recorded_trainer), state_of(plain_trainer));
}

TEST_F(CudaTraining, RecordedStepsGiveTheBitsOfPlainOnes) {
  for (const Precision precision : {Precision::Float32, Precision::Bf16}) {
    const WithPrecision rounded(precision);
    if (!rounded.possible()) continue;
    for (const bool noisy : {false, true}) {
      SCOPED_TRACE(concat(noisy ? "noisy, implicit" : "clean, im2col",
                          precision == Precision::Bf16 ? ", bf16" : ", fp32"));
      const WithConvAlgorithm with(noisy ? ConvAlgorithm::Implicit : ConvAlgorithm::Im2col, cuda_device);
      expect_recorded_steps_give_the_same_bits(small_config(noisy));
    }
  }
}

// Weights that products read in other forms: whoever changes them, between replays as well, changes the
// forms.
void expect_forms_follow(Precision precision, const Config& config, int forms) {
  const WithPrecision with(precision);
  if (!with.possible()) GTEST_SKIP() << with.why_not();
  const WithConvAlgorithm implicit(ConvAlgorithm::Implicit, cuda_device);
  Trainer trainer(config, cuda_device);
  Iteration iteration(trainer, true);
  iteration.pictures().fill(0.25);
  int copies = 0;
  const auto expect_equal = [&](const char* when) {
    for (nn::Module* network :
         std::initializer_list<nn::Module*>{&trainer.generator(), &trainer.discriminator()}) {
      for (const nn::NamedTensor& part : network->parameters()) {
        for (const Form form : {Form::BFloat16, Form::Tf32, Form::Tf32Turned}) {
          const Tensor copy = part.tensor->form_copy(form);
          if (!copy.defined()) continue;
          ++copies;
          EXPECT_EQ(copy.to(Device{}).to(DType::Float32).to_vector<float>(),
                    values_of_form(*part.tensor, form))
              << part.name << ' ' << when;
        }
      }
    }
  };
  for (int i = 0; i < 4; ++i) {
    iteration.run().wait();
    expect_equal("after an iteration");
  }
  for (const nn::NamedTensor& part : trainer.generator().parameters()) part.tensor->fill(0.013);
  expect_equal("after a change by hand");
  iteration.run().wait();
  expect_equal("after a replay behind it");
  EXPECT_EQ(copies, 6 * forms);
}

TEST_F(CudaTraining, RoundedWeightsFollowTheirParameters) {
  expect_forms_follow(Precision::Bf16, small_config(), 9);  // five layers of G and four of D have weights
}

// Warpgroups need channels in multiples of 32.
Config wide_config() {
  Config config = small_config();
  config.g_dim = config.d_dim = 32;
  config.batch_size = 2;
  return config;
}

TEST_F(CudaTraining, WeightsRoundedToTf32FollowTheirParameters) {
  // Two forms of each of G's first three transposed convolutions, and of D's last two convolutions.
  const bool as_groups =
      kernels(cuda_device).description().find("compute capability 9.0") != std::string::npos;
  expect_forms_follow(Precision::Tf32, wide_config(), as_groups ? 2 * 3 + 2 * 2 : 0);
}

TEST_F(CudaTraining, RecordedStepsInTf32GiveTheBitsOfPlainOnes) {
  const WithPrecision tf32(Precision::Tf32);
  if (!tf32.possible()) GTEST_SKIP() << tf32.why_not();
  const WithConvAlgorithm implicit(ConvAlgorithm::Implicit, cuda_device);
  expect_recorded_steps_give_the_same_bits(wide_config());
}

// From G to D without two casts between: the same pictures, and the same gradients on the way back.
TEST_F(CudaTraining, PicturesInBf16GoOnToDAsTheyAre) {
  const WithPrecision bf16(Precision::Bf16);
  if (!bf16.possible()) GTEST_SKIP() << bf16.why_not();
  Trainer trainer(small_config(), cuda_device);
  const Tensor z = trainer.draw_z(4);
  const auto gradients = [&](const std::function<Tensor()>& pictures) {
    trainer.optimizer_g().zero_grad();
    Tensor logits = trainer.discriminator()(pictures());
    EXPECT_EQ(logits.dtype(), DType::Float32);
    std::vector<std::vector<double>> all{values_of(logits)};
    backward(mean(logits));
    for (const nn::NamedTensor& part : trainer.generator().parameters())
      all.push_back(values_of(part.tensor->grad()));
    return all;
  };
  const auto expected = gradients([&] { return trainer.generator()(z); });
  EXPECT_EQ(gradients([&] { return trainer.generator().forward_uncast(z); }), expected);
  EXPECT_EQ(trainer.generator().forward_uncast(z).dtype(), DType::BFloat16);
  EXPECT_EQ(trainer.generator()(z).dtype(), DType::Float32);
}

// Real pictures and fakes in one pass through D, and one after the other, which is how the CPU has them.
TEST_F(CudaTraining, OnePassOverRealPicturesAndFakesIsTwo) {
  for (const Precision precision : {Precision::Float32, Precision::Bf16}) {
    const WithPrecision rounded(precision);
    if (!rounded.possible()) continue;
    const double tolerance = precision == Precision::Bf16 ? 2e-2 : 1e-4;
    for (const bool noisy : {false, true}) {
      SCOPED_TRACE(concat(noisy ? "noisy" : "clean", precision == Precision::Bf16 ? ", bf16" : ", fp32"));
      const Config config = small_config(noisy);
      Trainer joined(config, cuda_device), apart(config, cuda_device);
      const Tensor real = random_tensor({6, 32, 32, 3}, 1, DType::Float32, Uniform{-1, 1}).to(cuda_device);
      const Tensor z = joined.draw_z(6);
      const NoGrad fakes_alone;
      const Tensor fake = joined.generator().forward_uncast(z),
                   same_fake = apart.generator().forward_uncast(z);
      ASSERT_TRUE(same(same_fake, fake));

      const Tensor logits = joined.discriminator().both(real, fake);
      expect_close(logits.rows(0, 6), apart.discriminator()(real), tolerance, "real");
      expect_close(logits.rows(6, 6), apart.discriminator()(fake), tolerance, "fake");
      const auto actual = joined.discriminator().state(), expected = apart.discriminator().state();
      for (size_t i = 0; i < expected.size(); ++i) {
        if (expected[i].tensor->dtype() == DType::Int64) {
          EXPECT_EQ(actual[i].tensor->item(), expected[i].tensor->item()) << expected[i].name;
        } else {
          EXPECT_TRUE(close(*actual[i].tensor, *expected[i].tensor, tolerance)) << expected[i].name;
        }
      }
      EXPECT_EQ(joined.discriminator().dropout().position(), apart.discriminator().dropout().position());
    }
  }
}

// The labels of both in one tensor, drawn from the stream as for each alone, which is how the CPU has them.
TEST_F(CudaTraining, LabelsOfBothAreThoseOfEach) {
  static std::vector<double> seen;  // a loss is a plain function
  const auto labels = [](Device device, bool noisy, int64_t count) {
    Config config = small_config(noisy);
    config.label_real = 0.9;
    config.label_fake = 0.2;
    Trainer trainer(config, device);
    trainer.set_loss([](const Tensor& logits, const Tensor& target) {
      for (const double label : values_of(target)) seen.push_back(label);
      return bce_with_logits(logits, target);
    });
    seen.clear();
    const Tensor real = random_tensor({count, 32, 32, 3}, 1, DType::Float32, Uniform{-1, 1}).to(device);
    for (int i = 0; i < 2; ++i) {
      trainer.d_step(real, trainer.draw_z(count));
      trainer.g_step(trainer.draw_z(count));
    }
    return seen;
  };
  for (const bool noisy : {false, true}) {
    for (const int64_t count : {1, 5, 6, 7}) {  // the batch is 6
      const std::vector<double> expected = labels({}, noisy, count);
      ASSERT_EQ(expected.size(), static_cast<size_t>(6 * count));
      EXPECT_EQ(labels(cuda_device, noisy, count), expected) << noisy << ", " << count;
    }
  }
}

// A Linear behind Flatten, whose weight is permuted on a card where the pictures are elsewhere.
TEST_F(CudaTraining, LinearTakesPicturesAsTheyLie) {
  const auto run = [](Device device, DType dtype, bool trains) {
    nn::Sequential layers;
    layers.add<nn::Flatten>().add<nn::Linear>(5 * 3 * 4, 2);
    uint64_t seed = 1;
    for (const nn::NamedTensor& part : layers.parameters())
      part.tensor->copy_from(normal(part.tensor->shape(), DType::Float32, seed++));
    layers.to(device);
    layers.set_requires_grad(trains);
    Tensor x = normal({7, 3, 4, 5}, DType::Float32, 3).to(device);
    x.set_requires_grad(true);
    const Tensor y = cast(layers(cast(x, dtype)), DType::Float32);
    backward(y, normal({7, 2}, DType::Float32, 4).to(device));
    std::vector<Tensor> all{y, x.grad()};
    if (trains) {
      for (const nn::NamedTensor& part : layers.parameters()) all.push_back(part.tensor->grad());
    }
    return all;
  };
  for (const DType dtype : {DType::Float32, DType::BFloat16}) {
    for (const bool trains : {false, true}) {
      const std::vector<Tensor> expected = run({}, DType::Float32, trains);
      const std::vector<Tensor> actual = run(cuda_device, dtype, trains);
      for (size_t i = 0; i < expected.size(); ++i)
        expect_close(actual[i], expected[i], dtype == DType::Float32 ? 1e-5 : 2e-2,
                     concat(name_of(dtype), ", result ", i));
    }
  }
}

// G makes its fakes beside D's step, weights' gradients are computed beside those of activations.
TEST_F(CudaTraining, AStepOfBothIsOneOfEach) {
  const WithConvAlgorithm with(ConvAlgorithm::Implicit, cuda_device);
  for (const Precision precision : {Precision::Float32, Precision::Tf32, Precision::Bf16}) {
    const WithPrecision rounded(precision);
    if (!rounded.possible()) continue;
    for (const bool noisy : {false, true}) {
      SCOPED_TRACE(concat("precision ", static_cast<int>(precision), noisy ? ", noisy" : ", clean"));
      const Config config = small_config(noisy);
      Trainer together(config, cuda_device), one_by_one(config, cuda_device);
      const Tensor real = random_tensor({6, 32, 32, 3}, 1, DType::Float32, Uniform{-1, 1}).to(cuda_device);
      for (int i = 0; i < 2; ++i) {
        const auto [d, g_loss] = together.step(real);
        const DStep expected = one_by_one.d_step(real, one_by_one.draw_z(6));
        EXPECT_EQ(d.loss.item(), expected.loss.item());
        EXPECT_EQ(d.d_real.item(), expected.d_real.item());
        EXPECT_EQ(d.d_fake.item(), expected.d_fake.item());
        EXPECT_EQ(g_loss.item(), one_by_one.g_step(one_by_one.draw_z(6)).item());
      }
      EXPECT_EQ(state_of(together), state_of(one_by_one));
    }
  }
}

// What a step had running beside itself when it failed: nothing is held for it any longer.
TEST_F(CudaTraining, AStepThatFailsLeavesNothingRunning) {
  Trainer trainer(small_config(), cuda_device);
  const Tensor real = random_tensor({6, 32, 32, 3}, 1, DType::Float32, Uniform{-1, 1}).to(cuda_device);
  for (const int before : {0, 1}) {  // D's loss, G's
    static int left;
    left = before;
    trainer.set_loss([](const Tensor& logits, const Tensor& labels) {
      check(left-- != 0, "no loss today");
      return bce_with_logits(logits, labels);
    });
    EXPECT_THROW(trainer.step(real), Error);
    EXPECT_EQ(kernels(cuda_device).allocator().held_bytes(), 0);
    trainer.set_loss(bce_with_logits);
    EXPECT_GT(trainer.step(real).first.loss.item(), 0);
  }
}

// A leaf's gradient that is computed beside other work, and to which other work adds before the backward is
// over: by another convolution, and by what waits for nobody.
TEST_F(CudaTraining, GradientsOfAWeightThatIsUsedTwiceAddUp) {
  const auto gradient = [](Device device) {
    const Tensor w = normal({5, 3, 3, 5}, DType::Float32, 1).to(device).set_requires_grad(true);
    const Tensor x = normal({4, 9, 8, 5}, DType::Float32, 2).to(device);
    const Tensor once = conv2d(x, w, {}, {1, 1}, {1, 1}), twice = conv2d(once, w, {}, {1, 1}, {1, 1});
    backward(add(sum(mul(twice, twice)), add(sum(mul(w, w)), sum(mul(once, once)))));
    return w.grad();
  };
  expect_close(gradient(cuda_device), gradient({}), 1e-4, "of the weight");
}

TEST_F(CudaTraining, SteadyIterationsAskForNoMemory) {
  const Config config = small_config();
  const NumberedPictures data(2 * config.batch_size, config.image_size, config.channels);
  for (const bool step_graphs : {false, true}) {
    const WithPrecision rounded(step_graphs ? Precision::Bf16 : Precision::Float32);
    Trainer trainer(config, cuda_device);
    Iteration iteration(trainer, step_graphs);
    const auto batches = make_batches(data, config, cuda_device);
    const auto run = [&](int iterations) {
      for (int i = 0; i < iterations; ++i) {
        batches->next(iteration.pictures());
        iteration.run().wait();
      }
      return kernels(cuda_device).allocator().stats().system_allocations;
    };
    const int64_t begun = run(3);  // two plain iterations, and the recording
    EXPECT_EQ(run(6), begun) << (step_graphs ? "recorded, bf16" : "plain");
  }
}

// What looks on between steps (samples, diagnosis) takes memory of its own and leaves the recordings alone.
TEST_F(CudaTraining, OtherWorkBetweenReplaysChangesNothing) {
  const Config config = small_config();
  const auto losses = [&](bool disturbed) {
    Trainer trainer(config, cuda_device);
    Iteration iteration(trainer, true);
    iteration.pictures().fill(0.25);
    std::vector<std::vector<double>> all;
    for (int i = 0; i < 6; ++i) {
      all.push_back(as_vector(iteration.run().wait()));
      if (!disturbed) continue;
      const Tensor pictures = generate(trainer.generator(), trainer.fixed_z());
      EXPECT_EQ(trainer.discriminator()(pictures).shape(), (Shape{config.sample_count, 1}));
    }
    all.push_back(values_of(trainer.optimizer_d().state().back().second));
    return all;
  };
  EXPECT_EQ(losses(true), losses(false));
}

// ---- batches ----

TEST_F(CudaTraining, BatchesPickedOnTheDeviceAreThoseOfTheHost) {
  for (const bool shuffle : {true, false}) {
    for (const bool hflip : {true, false}) {
      for (const int64_t channels : {1, 3}) {
        Config config;
        config.batch_size = 7;
        config.shuffle = shuffle;
        config.hflip = hflip;
        config.seed = 5;
        config.channels = channels;
        const NumberedPictures data(300, 32, channels);
        const auto host = make_batches(data, config, {}), device = make_batches(data, config, cuda_device);
        ASSERT_EQ(device->steps_per_epoch(), host->steps_per_epoch());
        const Tensor expected = Tensor::empty({7, 32, 32, channels}),
                     actual = Tensor::empty({7, 32, 32, channels}, DType::Float32, cuda_device);
        for (const auto& [epoch, step] : {std::pair<int64_t, int64_t>{0, 0}, {3, 40}}) {
          host->seek(epoch, step);
          device->seek(epoch, step);
          for (int i = 0; i < 3; ++i) {  // from the last batch but one of an epoch into the next one
            host->next(expected);
            device->next(actual);
            ASSERT_EQ(values_of(actual), values_of(expected)) << "epoch " << epoch << ", step " << step + i;
          }
        }
      }
    }
  }
}

TEST_F(CudaTraining, BatchesThatAreNotThereAreRefused) {
  Config config;
  config.batch_size = 4;
  const NumberedPictures data(9, 32, 3);
  const auto batches = make_batches(data, config, cuda_device);
  EXPECT_THROW(batches->seek(0, 2), Error);
  EXPECT_THROW(batches->seek(-1, 0), Error);
  config.batch_size = 10;
  EXPECT_THROW(make_batches(data, config, cuda_device), Error);
}

// ---- the course of training ----

/// Two hundred iterations, recorded where the device can.
std::vector<Losses> course_on(Device device) {
  const Config config = small_config();
  const NumberedPictures data(8 * config.batch_size, config.image_size, config.channels);
  Trainer trainer(config, device);
  Iteration iteration(trainer, true);
  const auto batches = make_batches(data, config, device);
  std::vector<Losses> all;
  for (int i = 0; i < 200; ++i) {
    batches->next(iteration.pictures());
    all.push_back(iteration.run().wait());
  }
  return all;
}

/// Rounding differs, and once it decides on which side of a kink an activation lies, the two go ways of their
/// own (in float32 after some 60 iterations where the host plays the card). The course of the losses stays
/// the same: the first twenty iterations to `at_first`, the means of fifty to 10 %.
void expect_same_course(const std::vector<Losses>& actual, const std::vector<Losses>& expected,
                        double at_first) {
  for (size_t i = 0; i < 20; ++i) {
    EXPECT_NEAR(actual[i].d_loss, expected[i].d_loss, at_first * expected[i].d_loss) << "iteration " << i;
    EXPECT_NEAR(actual[i].g_loss, expected[i].g_loss, at_first * expected[i].g_loss) << "iteration " << i;
  }
  for (size_t first = 0; first < expected.size(); first += 50) {
    double d_ratio = 0, g_ratio = 0;
    for (size_t i = first; i < first + 50; ++i) {
      d_ratio += actual[i].d_loss / expected[i].d_loss / 50;
      g_ratio += actual[i].g_loss / expected[i].g_loss / 50;
    }
    EXPECT_NEAR(d_ratio, 1, 0.1) << "iterations from " << first;
    EXPECT_NEAR(g_ratio, 1, 0.1) << "iterations from " << first;
  }
}

TEST_F(CudaTraining, TwoHundredIterationsTakeTheCpusCourse) {
  const std::vector<Losses> expected = course_on({});
  expect_same_course(course_on(cuda_device), expected, 1e-3);
  const WithPrecision rounded(Precision::Bf16);
  if (rounded.possible()) expect_same_course(course_on(cuda_device), expected, 2e-2);
}

}  // namespace
}  // namespace duel::gan
