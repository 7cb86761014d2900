// dcgan: train a deep convolutional generative adversarial network on pictures, and draw new ones with it.
#include "apps/commands/program.h"

int main(int argc, char** argv) { return duel::commands::run_program({argv + 1, argv + argc}); }
