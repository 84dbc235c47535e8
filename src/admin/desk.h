// The administration's thread: takes requests from any reactor and answers them one after the other.
#pragma once

#include "admin/administration.h"
#include "net/desk.h"

namespace sluice::admin {

using Desk = net::Desk<Administration>;

}  // namespace sluice::admin
