// Reads `admin.oidc`.
#pragma once

#include "config/oidc_settings.h"
#include "yaml/fields.h"

namespace sluice::config {

// What is wrong is told at its place in the file.
OidcSettings read_oidc(const yaml::Member& member, const yaml::Report& report);

}  // namespace sluice::config
