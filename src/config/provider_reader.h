// Reads what the configuration says of one provider. Which settings there are stands in provider_table.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/snapshot.h"
#include "yaml/fields.h"

namespace sluice::config {

struct ProviderSetting;

// Borrows all that it is given.
class ProviderReader {
 public:
  // `provider` is one of `parts`, the catalogue's or a new one.
  ProviderReader(const yaml::Node& map, catalog::Provider& provider, Snapshot::Parts& parts,
                 const yaml::Report& report);

  // Everything that the map holds; what the table does not know is an error.
  void read();

  // One for each row of the table.
  void kind(const ProviderSetting& setting);
  void base_url(const ProviderSetting& setting);
  void api_key(const ProviderSetting& setting);
  void ground(const ProviderSetting& setting);
  void auth(const ProviderSetting& setting);
  void aws(const ProviderSetting& setting);
  void region(const ProviderSetting& setting);
  void google_key_file(const ProviderSetting& setting);
  void azure_api_version(const ProviderSetting& setting);
  void vertex(const ProviderSetting& setting);
  void stores_responses(const ProviderSetting& setting);
  void stream_usage(const ProviderSetting& setting);
  void headers(const ProviderSetting& setting);
  void max_in_flight(const ProviderSetting& setting);
  void http_version(const ProviderSetting& setting);
  void warm_connections(const ProviderSetting& setting);
  void internal_links(const ProviderSetting& setting);
  void enabled(const ProviderSetting& setting);
  void models(const ProviderSetting& setting);
  void prices(const ProviderSetting& setting);

 private:
  std::optional<std::string> word(const ProviderSetting& setting);
  void check_ground();
  void judge_enabled();

  const yaml::Node& map_;
  catalog::Provider& provider_;
  Snapshot::Parts& parts_;
  const yaml::Report& report_;
  yaml::Fields fields_;
  bool off_ = false;
  bool ground_said_ = false;
};

// A model that the catalogue does not know; nothing happens when it is known by its name or its id.
catalog::Model& add_model(Snapshot::Parts& parts, const catalog::Provider& provider, const std::string& name);

}  // namespace sluice::config
