// The golden cases as folders: where they are and which two dialects each is about.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "chat/dialect_id.h"

namespace sluice::golden {

struct Case {
  std::filesystem::path folder;
  chat::DialectId client;
  chat::DialectId provider;
  bool translated() const { return client != provider; }
  // "openai_chat__gemini/stream"
  std::string name() const { return (folder.parent_path().filename() / folder.filename()).string(); }
};

// Sorted by folder. Throws std::runtime_error for a folder whose name says no two dialects.
std::vector<Case> find_cases();

}  // namespace sluice::golden
