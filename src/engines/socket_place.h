// Where an engine's Unix socket lies: in the engine's directory, or in a private folder with a short name when that
// path is longer than a socket address can hold.
#pragma once

#include <string>

#include "base/result.h"

namespace sluice::engines {

class SocketPlace {
 public:
  static constexpr std::size_t max_path_bytes = 107;  // sun_path without its closing NUL

  // Errors: unavailable when the short folder cannot be made.
  static Result<SocketPlace> choose(const std::string& directory, const std::string& name);
  SocketPlace(SocketPlace&& other) noexcept;
  SocketPlace& operator=(SocketPlace&&) = delete;
  ~SocketPlace();  // removes the socket, and the folder if it was made for it

  const std::string& path() const { return path_; }
  void clear() const;  // removes what an earlier process left

 private:
  SocketPlace(std::string path, std::string own_folder) : path_(std::move(path)), own_folder_(std::move(own_folder)) {}
  std::string path_;
  std::string own_folder_;  // empty: none
};

}  // namespace sluice::engines
