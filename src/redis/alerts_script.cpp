#include "redis/alerts_script.h"

#include <string_view>

namespace sluice::redis {
namespace {

constexpr std::string_view text = R"lua(
local waiting = KEYS[1] .. 'w'
local function key(name) return waiting .. ':' .. name end
local time = redis.call('TIME')
local now_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local function until_ms(lease_ms) return string.format('%.0f', now_ms + tonumber(lease_ms)) end

local what = ARGV[1]
if what == 'claim' then
  local name = ARGV[2]
  if redis.call('EXISTS', key(name)) == 1 then return 0 end
  redis.call('HSET', key(name), 'body', ARGV[3])
  redis.call('PEXPIRE', key(name), ARGV[5])
  redis.call('ZADD', waiting, until_ms(ARGV[4]), name)
  return 1
elseif what == 'renew' then
  local renewed = 0
  for i = 3, #ARGV do
    local till = redis.call('ZSCORE', waiting, ARGV[i])
    if till and tonumber(till) >= now_ms then
      redis.call('ZADD', waiting, until_ms(ARGV[2]), ARGV[i])
      renewed = renewed + 1
    end
  end
  return renewed
elseif what == 'told' then
  redis.call('ZREM', waiting, ARGV[2])
  if redis.call('EXISTS', key(ARGV[2])) == 1 then redis.call('HSET', key(ARGV[2]), 'body', '', 'told', 1) end
  return 0
end
local found = {}
for _, name in ipairs(redis.call('ZRANGEBYSCORE', waiting, '-inf', '(' .. string.format('%.0f', now_ms), 'LIMIT', 0, ARGV[3])) do
  local body = redis.call('HGET', key(name), 'body')
  if body then
    redis.call('ZADD', waiting, until_ms(ARGV[2]), name)
    found[#found + 1] = name
    found[#found + 1] = body
  else
    redis.call('ZREM', waiting, name)
  end
end
return found
)lua";

}  // namespace

const Script& alerts_script() {
  static constexpr Script script{text};
  return script;
}

}  // namespace sluice::redis
