// For tests: a directory of its own that is removed at the end.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

namespace sluice::store {

class TestingDirectory {
 public:
  TestingDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sluice_store_XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::system_error(errno, std::generic_category(), pattern);
    path_ = pattern;
  }
  ~TestingDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestingDirectory(const TestingDirectory&) = delete;
  TestingDirectory& operator=(const TestingDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace sluice::store
