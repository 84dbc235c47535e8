#include "serve/home.h"

#include <filesystem>
#include <fstream>

#include "base/secret.h"
#include "json/json.h"

namespace sluice::serve {
namespace {

constexpr std::size_t most_bytes = 64 << 10;

std::string note_path(const std::string& data_dir) { return data_dir + "/store.json"; }

}  // namespace

store::Home home_of(const config::StoreSettings& settings, const std::string& data_dir) {
  if (!settings.on_postgres()) return data_dir;
  return {data_dir, {.url = Secret(settings.url), .schema = settings.schema}};
}

Result<void> note_home(const store::Home& home, const std::optional<std::string>& config_path) {
  const std::string path = note_path(home.directory);
  std::error_code error;
  if (!home.postgres) {
    std::filesystem::remove(path, error);
    if (error) return fail(ErrorKind::unavailable, "cannot remove " + path + ": " + error.message(), "remove it");
    return {};
  }
  std::string text;
  json::Writer(text)
      .begin_object()
      .member("backend", "postgres")
      .member("config", config_path ? std::filesystem::absolute(*config_path, error).string() : "")
      .end_object();
  std::ofstream file(path + ".new");  // as a whole or not at all
  file << text << "\n";
  file.close();
  if (file) std::filesystem::rename(path + ".new", path, error);
  if (!file || error)
    return fail(ErrorKind::unavailable, "cannot write " + path, "look at the rights and the space of --data");
  return {};
}

std::optional<std::string> noted_config(const std::string& data_dir) {
  std::ifstream file(note_path(data_dir), std::ios::binary);
  if (!file) return std::nullopt;
  std::string text(most_bytes, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  const auto document = json::Document::parse(text);
  if (!document) return std::string();
  return std::string(document->root()["config"].string().value_or(""));
}

}  // namespace sluice::serve
