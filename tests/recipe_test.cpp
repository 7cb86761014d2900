// Recipes as data: the shipped ones, how one is read, and what is said of one that is wrong.
#include <cmath>

#include "apps/gan/checkpoint.h"
#include "apps/gan/expression.h"
#include "apps/gan/layers.h"
#include "apps/gan/networks.h"
#include "lib/io/file.h"
#include "ops/nn/init.h"
#include "tests/files.h"
#include "tests/tensors.h"

namespace duel::gan {
namespace {

TEST(Recipe, ShippedOnesAreWhole) {
  EXPECT_EQ(recipe_names(), (std::vector<std::string>{"celeba32", "anime64", "dcgan64"}));
  for (const std::string& name : recipe_names()) {
    Config config = recipe(name);
    EXPECT_EQ(config.recipe, name);
    EXPECT_NO_THROW(check_config(config)) << name;
    EXPECT_EQ(config_from_json(parse_json(recipe_text(config), name)), config) << name;
    config.g_dim = config.d_dim = 2;
    EXPECT_NO_THROW(Generator{config}) << name;
    EXPECT_NO_THROW(Discriminator{config}) << name;
  }
  EXPECT_EQ(recipe("celeba32"), Config{});
}

TEST(Recipe, HaveTheSizesOfTheOriginals) {
  const auto parameters = [](const std::string& name) {
    const Config config = recipe(name);
    return std::pair{Generator(config).parameter_count(), Discriminator(config).parameter_count()};
  };
  EXPECT_EQ(parameters("celeba32"), (std::pair<int64_t, int64_t>{2963328, 663297}));
  EXPECT_EQ(parameters("dcgan64"), (std::pair<int64_t, int64_t>{3576704, 2765568}));
  EXPECT_EQ(parameters("anime64"), (std::pair<int64_t, int64_t>{13702915, 795009}));
}

TEST(Recipe, AFileSaysWhatDiffersFromCeleba32) {
  const TemporaryFolder folder;
  const auto file =
      folder.write("mine.json", R"({"$schema": "recipe.schema.json", "latent": {"distribution": "normal"}})");
  Config expected;
  expected.recipe = "mine";
  expected.latent = "normal";
  EXPECT_EQ(recipe(file), expected);
}

TEST(Recipe, TheOneInTheDocumentationWorks) {
  const std::vector<uint8_t> bytes = read_file(DUEL_SOURCE_DIR "/docs/recipes.md");
  const std::string page(bytes.begin(), bytes.end()), begin = "```json\n";
  const size_t first = page.find(begin) + begin.size();
  const TemporaryFolder folder;
  const Config config =
      recipe(folder.write("docs.json", page.substr(first, page.find("```", first) - first)));
  EXPECT_EQ(config.recipe, "digits");
  Generator generator(config);
  Discriminator discriminator(config);
  const Tensor pictures = generator(random_tensor({2, 32}, 1, DType::Float32));
  EXPECT_EQ(pictures.shape(), (Shape{2, 32, 32, 1}));
  EXPECT_EQ(discriminator(pictures).shape(), (Shape{2, 1}));
}

TEST(Recipe, TheFormWithoutSectionsIsStillRead) {
  Config expected;
  expected.data = "faces";
  expected.z_dim = 12;
  expected.init_std = 0.1;
  expected.optimizer_g.lr = expected.optimizer_d.lr = 0.5;
  expected.optimizer_g.betas = expected.optimizer_d.betas = {0.25, 0.75};
  expected.epochs = 3;
  expected.seed = 9;
  EXPECT_EQ(config_from_json(parse_json(R"({"recipe": "celeba32", "data": "faces", "z_dim": 12, "lr": 0.5,
      "beta1": 0.25, "beta2": 0.75, "init_std": 0.1, "epochs": 3, "seed": 9})",
                                        "recipe")),
            expected);
  EXPECT_TRUE(
      contains(error_of([] { config_from_json(parse_json(R"({"z_dim": 12, "zdim": 3})", "recipe")); }),
               "unknown entry 'zdim'"));
}

TEST(Recipe, SaysWhichFileAndKeyIsWrong) {
  const TemporaryFolder folder;
  const auto error = [&](const std::string& text) {
    const auto file = folder.write("mine.json", text);
    const std::string message = error_of([&] { recipe(file); });
    EXPECT_TRUE(contains(message, "mine.json: ")) << message;
    return message;
  };
  EXPECT_TRUE(contains(error("{"), "is no JSON"));
  EXPECT_TRUE(contains(error("[]"), "must be a JSON object, got array"));
  const std::string endless(100'000, '1');
  EXPECT_LT(error("{\"" + endless + "\": 1}").size(), 400u);
  for (const std::string& text :
       {"\"" + endless, "{\"loss\": " + endless + "}", "{\"loss\": [" + endless.substr(0, 300) + ".5]}",
        "{\"loss\": \"" + endless + "\"}"})
    EXPECT_LT(error(text).size(), 400u) << text.substr(0, 20);
  EXPECT_TRUE(contains(error(R"({"latent": {"distribution": "cauchy"}})"),
                       "--latent must be uniform or normal, got 'cauchy' (key latent.distribution)"));
  EXPECT_TRUE(contains(error(R"({"optimizer_D": {"type": "SGD"}})"), "got 'SGD' (key optimizer_D.type)"));
  EXPECT_TRUE(
      contains(error(R"({"optimizer_G": {"decay": 1}})"), "optimizer_G.decay does not belong to Adam"));
  EXPECT_TRUE(contains(error(R"({"optimizer_D": {"type": "RMSprop", "betas": [0, 0]}})"),
                       "optimizer_D.betas does not belong to RMSprop"));
  EXPECT_TRUE(contains(error(R"({"latent": {"zdim": 3}})"),
                       "unknown entry 'latent.zdim'; there are z_dim, distribution"));
  EXPECT_TRUE(
      contains(error(R"({"labels": {"real": 1, "fake": 1}})"), "--label-fake must differ, both are 1"));
  EXPECT_TRUE(contains(error(R"({"run": {}, "loss": "hinge"})"), "must be bce_with_logits, got 'hinge'"));
  for (const char* name : {"../../evil", "", ".hidden", "a/b", "a b", "/evil"})
    EXPECT_TRUE(contains(error(concat("{\"recipe\": \"", name, "\"}")),
                         concat("must be letters, digits, '-', '_' and '.', and not begin with '.', got '",
                                name, "' (key recipe)")));
  EXPECT_EQ(recipe(folder.write("my faces, 2.json", "{}")).recipe, "my_faces__2");
  EXPECT_EQ(recipe(folder.write(".mine.json", "{}")).recipe, "_mine");
  EXPECT_TRUE(contains(error_of([] { recipe("cats"); }),
                       "no file 'cats'; --recipe takes: celeba32, anime64, dcgan64, or a JSON file"));
}

/// What is said of a generator z (8) -> 3 x 32 x 32 made of these layers.
std::string layers_error(const std::string& layers) {
  Config config;
  config.z_dim = 8;
  config.generator = parse_json(layers, "layers");
  return error_of([&] { Generator{config}; });
}

TEST(RecipeLayers, NameThePlaceOfWhatIsWrong) {
  const std::vector<std::pair<const char*, const char*>> wrong{
      {"[]", "generator must have at least one layer"},
      {"[3]", "generator[0] must be a layer"},
      {"[{}]", "generator[0].type is missing"},
      {R"([{"type": "Lineal"}])", "generator[0].type must be one of Linear, Conv2d"},
      {R"([{"type": "Linear"}])", "generator[0].out_features is missing"},
      {R"([{"type": "Linear", "out_features": 0}])",
       "generator[0].out_features must be a whole number of at least 1, got 0"},
      {R"([{"type": "Linear", "out_features": "10^10"}])",
       "generator[0].out_features must be a whole number of at most 1000000000, got 1e+10 = 10^10"},
      {R"([{"type": "Linear", "out_features": "z_dim / 3"}])", "got 2.66667 = z_dim / 3"},
      {R"([{"type": "Linear", "out_features": "2 * zdim"}])", "'2 * zdim', column 5: there is no 'zdim'"},
      {R"([{"type": "Linear", "out_features": true}])", "must be a number or an expression, got true"},
      {R"([{"type": "Linear", "out_features": 3, "bias": 1}])", "generator[0].bias must be true or false"},
      {R"([{"type": "Linear", "out_features": 3, "out": 1}])",
       "unknown entry 'out'; it takes bias, in_features"},
      {R"([{"type": "Tanh", "name": "a.b"}])", "generator[0].name must not be empty and have no dot"},
      {R"([{"type": "Tanh", "name": "a"}, {"type": "Tanh", "name": "a"}])",
       "generator[1].name is that of another"},
      {R"([{"type": "Tanh", "name": "a{"}])", "generator[0].name has a { without a }"},
      {R"([{"type": "Sequential", "layers": [{"type": "ReLU"}, {"type": "Dropout", "p": 1}]}])",
       "generator[0].layers[1].p must be at least 0 and less than 1, got 1"},
      {R"([{"type": "Sequential", "layers": {}}])", "generator[0].layers must be a list"}};
  for (const auto& [layers, message] : wrong)
    EXPECT_TRUE(contains(layers_error(layers), message)) << layers << "\n" << layers_error(layers);
}

TEST(RecipeLayers, SayWhichShapeDoesNotFit) {
  const std::string view =
      R"({"type": "Linear", "out_features": 64}, {"type": "Unflatten", "unflattened_size": [4, 4, 4]})";
  const std::vector<std::pair<std::string, const char*>> wrong{
      {R"({"type": "Linear", "in_features": 9, "out_features": 1})",
       "generator[0].in_features is 9, but the layer gets 8"},
      {R"({"type": "Unflatten", "unflattened_size": [2, 2, 3]})",
       "generator[0].unflattened_size is 2 x 2 x 3 = 12, but the layer gets 8"},
      {R"({"type": "Unflatten", "unflattened_size": [2, 4]})",
       "unflattened_size must be a list of 3 numbers"},
      {R"({"type": "BatchNorm2d"})",
       "generator[0] (BatchNorm2d) takes pictures C x H x W, but gets 8 numbers"},
      {view + R"(, {"type": "BatchNorm2d", "eps": -1})",
       "generator[2] (BatchNorm2d) cannot be made: [BatchNorm2d] eps must be finite and not negative, got "
       "-1"},
      {R"({"type": "Linear", "out_features": 4}, {"type": "Unflatten", "unflattened_size": [1e9, 1e9, 1e9]})",
       "generator[1] (Unflatten) cannot be made: a tensor of shape (1, 1000000000, 1000000000, 1000000000) "
       "has "
       "more elements than can be counted"},
      {view + R"(, {"type": "Linear", "out_features": 1})",
       "generator[2] (Linear) takes one row of numbers, but gets 4 x 4 x 4"},
      {view + R"(, {"type": "Conv2d", "in_channels": 3, "out_channels": 1, "kernel_size": 1})",
       "generator[2].in_channels is 3, but the layer gets 4 x 4 x 4"},
      {view + R"(, {"type": "Conv2d", "out_channels": 1, "kernel_size": 7})",
       "generator[2] (Conv2d) does not fit 4 x 4 x 4"},
      {view + R"(, {"type": "Conv2d", "out_channels": 1, "kernel_size": 4, "padding": "same"})",
       "generator[2].padding can be \"same\" only with stride 1 and an odd kernel_size"},
      {view + R"(, {"type": "Conv2d", "out_channels": 1, "kernel_size": [3, 4], "padding": "same"})",
       "generator[2].padding can be \"same\" only with stride 1 and an odd kernel_size"},
      {view + R"(, {"type": "Conv2d", "out_channels": 1, "kernel_size": [3, 3, 3]})",
       "generator[2].kernel_size must be one number or [height, width]"},
      {view, "generator[1], the last layer, must give 3 x 32 x 32, but gives 4 x 4 x 4 (recipe celeba32)"}};
  for (const auto& [layers, message] : wrong)
    EXPECT_TRUE(contains(layers_error("[" + layers + "]"), message)) << layers_error("[" + layers + "]");
}

std::string repeated(const std::string& text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

TEST(RecipeLayers, TooManyOrTooDeep) {
  EXPECT_TRUE(contains(layers_error(R"([{"type": "ReLU", "repeat": 5000000}])"),
                       "generator[0] is one layer too many: a network may have 10000"));
  // Those of the inner list count each time that the outer one is repeated.
  EXPECT_TRUE(contains(layers_error(R"([{"type": "Sequential", "repeat": 500, "layers": [
      {"type": "ReLU", "repeat": 500}]}])"),
                       "generator[0].layers[0] is one layer too many"));
  const std::string open = R"([{"type": "Sequential", "layers": )";
  for (const std::string& deep : {repeated(open, 20000) + R"([{"type": "ReLU"}])" + repeated("}]", 20000),
                                  repeated("[", 100000) + repeated("]", 100000)})
    EXPECT_EQ(error_of([&] { parse_json(deep, "mine.json"); }),
              "mine.json: is JSON in which more than 200 lists and objects are nested");
  std::string keys = R"({"k": 0)";
  for (int i = 0; i < 10000; ++i) keys += concat(", \"k", i, "\": 0");
  EXPECT_EQ(error_of([&] { parse_json(keys + "}", "mine.json"); }),
            "mine.json: is JSON with more than 10000 keys");
  for (const char* name : {"{", "", "."}) {
    const std::string layers = concat(R"([{"type": "ReLU", "name": ")", name, repeated("n", 100000), ".\"}]");
    EXPECT_LT(layers_error(layers).size(), 400u) << name;
  }
  EXPECT_TRUE(contains(layers_error(R"([{"type": "LeakyReLU", "negative_slope": "10^400"}])"),
                       "generator[0].negative_slope must be a finite number, got inf"));
}

TEST(RecipeLayers, RepeatsCountAndNamesFollow) {
  nn::Sequential network;
  RandomStream dropout(0, Stream::Dropout);
  Shape shape{1, 4};
  build_layers(network,
               parse_json(R"json([
      {"name": "fc_{i}", "type": "Linear", "out_features": "2^i + n", "repeat": "log2(n)", "bias": false},
      {"name": "never", "type": "Tanh", "repeat": 0},
      {"type": "Tanh"}])json",
                          "layers"),
               "layers", {{"n", 8}}, shape, dropout);
  std::vector<std::string> names;
  for (const auto& [name, layer] : network.children()) names.push_back(name + " " + layer->description());
  EXPECT_EQ(names, (std::vector<std::string>{"fc_1 Linear(in_features=4, out_features=10, bias=False)",
                                             "fc_2 Linear(in_features=10, out_features=12, bias=False)",
                                             "fc_3 Linear(in_features=12, out_features=16, bias=False)",
                                             "3 Tanh()"}));
  EXPECT_EQ(shape, (Shape{1, 16}));
}

TEST(RecipeLayers, ArgumentsThatAreLeftOutArePyTorchs) {
  nn::Sequential network;
  RandomStream dropout(0, Stream::Dropout);
  Shape shape{1, 4, 4, 8};
  build_layers(
      network,
      parse_json(R"([{"type": "BatchNorm2d"}, {"type": "LeakyReLU"}, {"type": "Dropout"}])", "layers"),
      "layers", {}, shape, dropout);
  std::vector<std::string> layers;
  for (const auto& [name, layer] : network.children()) layers.push_back(layer->description());
  EXPECT_EQ(layers, (std::vector<std::string>{
                        "BatchNorm2d(8, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)",
                        "LeakyReLU(negative_slope=0.01)", "Dropout(p=0.5, inplace=False)"}));
}

TEST(RecipeExpression, ComputesAsMathematiciansDo) {
  const Variables variables{{"a", 3}, {"b_2", 0.5}};
  const auto value = [&](const char* text) { return evaluate(text, variables); };
  EXPECT_EQ(value("1 + 2*a"), 7);
  EXPECT_EQ(value(" (1+2) * a "), 9);
  EXPECT_EQ(value("8 / 2 / 2 - 1 - 1"), 0);
  EXPECT_EQ(value("2^a^2"), 512);
  EXPECT_EQ(value("-2^2"), -4);
  EXPECT_EQ(value("2^-1"), 0.5);
  EXPECT_EQ(value("log2(8 * b_2)"), 2);
  EXPECT_EQ(value("1e-5"), 1e-5);
  const auto error = [&](const char* text) { return error_of([&] { evaluate(text, variables); }); };
  EXPECT_TRUE(contains(error(""), "column 1: a number or a name was expected"));
  EXPECT_TRUE(contains(error("1 +"), "column 4: a number or a name was expected"));
  EXPECT_TRUE(contains(error("1 2"), "column 3: an operator was expected"));
  EXPECT_TRUE(contains(error("(1"), "column 3: a ) is missing"));
  EXPECT_TRUE(contains(error("a + c"), "column 5: there is no 'c'; it may be one of a, b_2"));
  EXPECT_TRUE(contains(error("1 / (a - 3)"), "division by zero"));
  EXPECT_TRUE(contains(error("."), "column 1: this is no number"));
  for (const char* opening : {"(", "-", "2^", "log2("}) {
    const std::string deep = repeated(opening, 20000) + "1";
    EXPECT_TRUE(contains(error(deep.c_str()), "...', column ")) << opening;
    EXPECT_TRUE(contains(error(deep.c_str()), "is nested too deeply")) << opening;
  }
  EXPECT_EQ(evaluate("1" + repeated("+1", 20000), variables), 20001);
}

TEST(RecipeNetworks, FlattenOrdersElementsAsPyTorch) {
  const Tensor picture = Tensor::from(std::vector<float>{0, 10, 1, 11, 2, 12, 3, 13}, {1, 2, 2, 2});
  nn::Flatten flatten;
  nn::Unflatten unflatten(2, 2, 2);
  const Tensor row = flatten(picture);
  EXPECT_EQ(row.shape(), (Shape{1, 8}));
  EXPECT_EQ(row.to_vector<float>(), (std::vector<float>{0, 1, 2, 3, 10, 11, 12, 13}));
  EXPECT_EQ(unflatten(row).to_vector<float>(), picture.to_vector<float>());
}

TEST(RecipeNetworks, BeginWithTheWeightsOfTheirRule) {
  const auto spread = [](const Tensor& tensor) {
    double sum = 0, squares = 0, most = 0;
    for (const float x : tensor.to_vector<float>()) {
      sum += x;
      squares += static_cast<double>(x) * x;
      most = std::max(most, std::abs(static_cast<double>(x)));
    }
    const auto n = static_cast<double>(tensor.numel());
    return std::array<double, 3>{sum / n, std::sqrt(squares / n), most};
  };
  RandomStream stream(1, Stream::Weights);
  nn::Sequential network;
  network.add<nn::Conv2d>(30, 50, Pair{3, 3}).add<nn::BatchNorm2d>(10000);
  nn::init_glorot_uniform(network, stream);
  const auto state = network.parameters();
  const double bound = std::sqrt(6.0 / (80 * 9));
  EXPECT_NEAR(spread(*state[0].tensor)[0], 0, 0.02 * bound);
  EXPECT_NEAR(spread(*state[0].tensor)[1], bound / std::sqrt(3.0), 0.02 * bound);
  EXPECT_LE(spread(*state[0].tensor)[2], bound * (1 + 1e-6));
  EXPECT_EQ(spread(*state[1].tensor)[2], 0);
  EXPECT_EQ(spread(*state[2].tensor)[1], 1);

  nn::init_normal(network, 0.02, stream, 0.1);
  EXPECT_NEAR(spread(*state[0].tensor)[1], 0.02, 0.001);
  EXPECT_NEAR(spread(*state[2].tensor)[0], 1, 0.005);
  EXPECT_NEAR(spread(*state[2].tensor)[1], std::sqrt(1.01), 0.005);
  EXPECT_EQ(spread(*state[3].tensor)[2], 0);
}

}  // namespace
}  // namespace duel::gan
