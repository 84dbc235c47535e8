// Writes each fuzz target's seeds: write_seeds FOLDER TARGET...
#include <filesystem>
#include <fstream>
#include <iostream>

#include "seeds.h"

int main(int count, char** arguments) {
  if (count < 3) {
    std::cerr << "usage: write_seeds FOLDER TARGET...\n";
    return 2;
  }
  for (int i = 2; i < count; ++i) {
    const std::filesystem::path folder = std::filesystem::path(arguments[1]) / arguments[i];
    std::filesystem::create_directories(folder);
    int number = 0;
    for (const std::string& seed : sluice::fuzz::seeds(arguments[i]))
      std::ofstream(folder / ("seed-" + std::to_string(number++)), std::ios::binary) << seed;
  }
  return 0;
}
