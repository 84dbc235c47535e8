#include "cases.h"

#include <algorithm>
#include <stdexcept>

namespace sluice::golden {

namespace fs = std::filesystem;

std::vector<Case> find_cases() {
  std::vector<Case> cases;
  for (const auto& pair : fs::directory_iterator(SLUICE_GOLDEN_DIR)) {
    const std::string name = pair.path().filename().string();
    const std::size_t bar = name.find("__");
    if (!pair.is_directory() || bar == std::string::npos) continue;
    const auto client = chat::dialect_from_name(name.substr(0, bar));
    const auto provider = chat::dialect_from_name(name.substr(bar + 2));
    if (!client || !provider) throw std::runtime_error("unknown dialect in the folder name " + name);
    for (const auto& folder : fs::directory_iterator(pair.path())) cases.push_back({folder.path(), *client, *provider});
  }
  std::sort(cases.begin(), cases.end(), [](const Case& a, const Case& b) { return a.folder < b.folder; });
  return cases;
}

}  // namespace sluice::golden
