// A project outside Duel that uses the installed package.
#include <iostream>

#include "lib/error.h"
#include "lib/philox.h"

int main() {
  const duel::PhiloxBlock block = duel::philox4x32_10(0, 0, 0);
  duel::check(block.word[0] == 0x6627e8d5u, "Philox gives ", block.word[0]);
  std::cout << "duel from outside: " << block.word[0] << "\n";
}
