#include "redis/limits_script.h"

namespace sluice::redis {
namespace {

// What a process says here is absolute: what its ledger has in each bucket, what it keeps of a lease. So saying it
// twice changes nothing, and a Redis that has lost its data learns it anew. Only rates are moved by steps, which the
// number of a call protects: a call that comes twice is answered from memory.
//
// Redis computes in doubles, which hold picodollars up to 9,007 USD only: amounts are pairs of 10^9 limbs here.
//
// Keys, all behind KEYS[1] (the prefix; with braces in it, one slot of a cluster):
//   g           hash: run (of the server that is known), open_us (nothing is leased before)
//   d           sorted set: until when a process is taken to live, ms of the server's clock
//   i:PROCESS   hash: epoch, seq and reply (of its last call)
//   t:LINE      hash: spent in each bucket, of all processes together, and of what is assumed
//   s:LINE:PROCESS  hash: spent in each bucket, by its ledger
//   h:LINE      hash: leased to each process (money, places)
//   a:LINE      hash: assumed of a process that has not come back: BUCKET:AMOUNT
//   r:LINE      GCRA's theoretical arrival time, us of the server's clock
//
// ARGV: process, epoch, seq, life_ms, grace_ms, run, then the number of lines and each line, then the number of asks
// and each ask. A line:
//   m ID LIMIT FIRST BUCKET KEEP SLICE N (BUCKET SPENT)*N   money
//   p ID LIMIT KEEP SLICE                                   places
//   r ID PER_MINUTE BACK OWED SLICE                         a rate: units given back, used beyond what was leased
// An ask: N (LINE NEED)*N, all or nothing, the lines counted from 1. Epoch 0 begins a new one.
//
// Answers {"ok", now_us, wait_us until leases are given, a list for each line, a list for each ask}, {"registered",
// EPOCH}, {"superseded"} or {"unknown"} (who asks must register). A line: m: lease, spent, all leases, near its end;
// p: lease, all leases; r: units of the slice, us that the arrival time is ahead. An ask: which of its parts refuses it
// (0: none, -1: nothing is given yet), us to wait.
constexpr std::string_view text = R"lua(
local P = KEYS[1]
local at = 0
local function word() at = at + 1; return ARGV[at] end
local function number() return tonumber(word()) end

local B = 1000000000
local function amount(s)
  if not s then return {0, 0} end
  local minus = string.sub(s, 1, 1) == '-'
  if minus then s = string.sub(s, 2) end
  local hi, lo = 0, 0
  if #s <= 9 then lo = tonumber(s) else hi = tonumber(string.sub(s, 1, -10)); lo = tonumber(string.sub(s, -9)) end
  if minus then
    hi, lo = -hi, -lo
    if lo < 0 then hi, lo = hi - 1, lo + B end
  end
  return {hi, lo}
end
local function plus(a, b)
  local hi, lo = a[1] + b[1], a[2] + b[2]
  if lo >= B then hi, lo = hi + 1, lo - B end
  return {hi, lo}
end
local function minus(a, b)
  local hi, lo = a[1] - b[1], a[2] - b[2]
  if lo < 0 then hi, lo = hi - 1, lo + B end
  return {hi, lo}
end
local function less(a, b) return a[1] < b[1] or (a[1] == b[1] and a[2] < b[2]) end
local function times(a, n)
  local lo = a[2] * n
  local carry = math.floor(lo / B)
  return {a[1] * n + carry, lo - carry * B}
end
local function share(a, n) -- rounded down, of what is not below 0
  local hi = math.floor(a[1] / n)
  local rest = a[1] - hi * n
  return {hi, math.floor((rest * B + a[2]) / n)}
end
local function text(a)
  local hi, lo, sign = a[1], a[2], ''
  if hi < 0 then
    sign = '-'
    hi, lo = -hi, -lo
    if lo < 0 then hi, lo = hi - 1, lo + B end
  end
  if hi == 0 then return sign .. string.format('%.0f', lo) end
  return sign .. string.format('%.0f%09.0f', hi, lo)
end
local function is_none(a) return a[1] == 0 and a[2] == 0 end
local nothing = {0, 0}

local process, epoch, seq = word(), number(), number()
local life_ms, grace_ms, run = number(), number(), word()
local time = redis.call('TIME')
local now_us = tonumber(time[1]) * 1000000 + tonumber(time[2])
local now_ms = math.floor(now_us / 1000)

local ikey = P .. 'i:' .. process
local known = redis.call('HMGET', ikey, 'epoch', 'seq', 'reply')
local server = redis.call('HMGET', P .. 'g', 'run', 'open_us')
local open_us = tonumber(server[2] or '0')
if server[1] ~= run then
  -- Another server, or one that has started anew: what was leased in the meantime may be lost. All who live say it again
  -- before anything is given.
  open_us = now_us + grace_ms * 1000
  redis.call('HSET', P .. 'g', 'run', run, 'open_us', string.format('%.0f', open_us))
end
redis.call('ZADD', P .. 'd', now_ms + life_ms, process)
if epoch == 0 then
  local begun = redis.call('HINCRBY', ikey, 'epoch', 1)
  redis.call('HSET', ikey, 'seq', 0)
  redis.call('HDEL', ikey, 'reply')
  return {'registered', begun}
end
-- First of all: another one has begun under this name since, whatever its calls are numbered.
if known[1] and tonumber(known[1]) > epoch then return {'superseded'} end
if not known[1] or tonumber(known[1]) < epoch or tonumber(known[2]) < seq - 1 then
  open_us = math.max(open_us, now_us + grace_ms * 1000)
  redis.call('HSET', P .. 'g', 'open_us', string.format('%.0f', open_us))
  return {'unknown'}
end
if tonumber(known[2]) >= seq then
  if not known[3] then return {'unknown'} end
  return cmsgpack.unpack(known[3])
end

local lives = {}
local function is_alive(other)
  if lives[other] == nil then
    local till = redis.call('ZSCORE', P .. 'd', other)
    lives[other] = till and tonumber(till) >= now_ms or false
  end
  return lives[other]
end

-- A process that has not come back in time may have spent what it has leased: that counts as spent until it is back.
local function others_leases(line)
  local sum = nothing
  local all = redis.call('HGETALL', P .. 'h:' .. line.id)
  for i = 1, #all, 2 do
    if all[i] ~= process then
      if is_alive(all[i]) then
        sum = plus(sum, amount(all[i + 1]))
      else
        redis.call('HDEL', P .. 'h:' .. line.id, all[i])
        if line.kind == 'm' then
          redis.call('HINCRBY', P .. 't:' .. line.id, line.bucket, all[i + 1])
          redis.call('HSET', P .. 'a:' .. line.id, all[i], line.bucket .. ':' .. all[i + 1])
        end
      end
    end
  end
  return sum
end

local most_buckets = 128
local function forget_old(key, first)
  if redis.call('HLEN', key) <= most_buckets then return end
  for _, bucket in ipairs(redis.call('HKEYS', key)) do
    if tonumber(bucket) < first then redis.call('HDEL', key, bucket) end
  end
end

local function read_money(line)
  line.limit, line.first, line.bucket = amount(word()), number(), word() -- the bucket as text: 16 digits
  line.keep, line.slice = amount(word()), amount(word())
  local tkey, skey = P .. 't:' .. line.id, P .. 's:' .. line.id .. ':' .. process
  for _ = 1, number() do
    local bucket, spent = word(), word()
    local before = redis.call('HGET', skey, bucket)
    if before ~= spent then
      redis.call('HINCRBY', tkey, bucket, text(minus(amount(spent), amount(before))))
      redis.call('HSET', skey, bucket, spent)
    end
  end
  local assumed = redis.call('HGET', P .. 'a:' .. line.id, process)
  if assumed then
    local bucket, sum = string.match(assumed, '^(-?%d+):(-?%d+)$')
    redis.call('HINCRBY', tkey, bucket, text(minus(nothing, amount(sum))))
    redis.call('HDEL', P .. 'a:' .. line.id, process)
  end
  forget_old(tkey, line.first)
  forget_old(skey, line.first)
  line.others = others_leases(line)
  local spent = nothing
  local all = redis.call('HGETALL', tkey)
  for i = 1, #all, 2 do
    if tonumber(all[i]) >= line.first then spent = plus(spent, amount(all[i + 1])) end
  end
  line.spent = spent
  line.free = minus(minus(minus(line.limit, spent), line.others), line.keep)
  line.lease = line.keep
end

local function read_places(line)
  line.limit, line.keep, line.slice = amount(word()), amount(word()), amount(word())
  line.others = others_leases(line)
  line.free = minus(minus(line.limit, line.others), line.keep)
  line.lease = line.keep
end

local minute_us, longest_debt_us = 60000000, 3600000000
local function read_rate(line)
  line.per_minute = number()
  local back, owed = number(), number()
  line.slice = number()
  line.arrives = tonumber(redis.call('GET', P .. 'r:' .. line.id) or '0')
  line.arrives = line.arrives - math.floor(back * minute_us / line.per_minute)
  if owed > 0 then
    line.arrives = math.min(math.max(line.arrives, now_us) + math.ceil(owed * minute_us / line.per_minute),
                            now_us + longest_debt_us)
  end
end
local function after(line, units)
  return math.max(line.arrives, now_us) + math.ceil(units * minute_us / line.per_minute)
end

local lines = {}
for n = 1, number() do
  local line = {kind = word(), id = word()}
  if line.kind == 'm' then read_money(line)
  elseif line.kind == 'p' then read_places(line)
  else read_rate(line) end
  lines[n] = line
end

local is_open = now_us >= open_us
local asks = {}
for n = 1, number() do
  local parts, refused, wait = {}, 0, 0
  for _ = 1, number() do parts[#parts + 1] = {lines[number()], word(), at} end
  if not is_open then refused = -1 end
  for i, part in ipairs(parts) do
    if refused ~= 0 then break end
    local line = part[1]
    if line.kind == 'r' then
      part.before = line.arrives
      local then_us = after(line, tonumber(part[2]))
      if then_us - now_us > minute_us then refused, wait = i, then_us - now_us - minute_us
      else line.arrives = then_us end
    else
      local need = amount(part[2])
      if not is_none(need) and less(line.free, need) then refused = i
      else
        line.free, line.lease = minus(line.free, need), plus(line.lease, need)
        line.asked = true
        part.need = need
      end
    end
  end
  if refused ~= 0 then -- nobody keeps what the others have given
    for i = #parts, 1, -1 do
      local line = parts[i][1]
      if parts[i].before then line.arrives = parts[i].before end
      if parts[i].need then line.free, line.lease = plus(line.free, parts[i].need), minus(line.lease, parts[i].need) end
    end
  end
  asks[n] = {refused, math.ceil(wait)}
end

local answers = {}
for n, line in ipairs(lines) do
  if line.kind == 'r' then
    local extra = 0
    if is_open and line.slice > 0 then
      local room = minute_us - (math.max(line.arrives, now_us) - now_us)
      extra = math.min(line.slice, math.floor(room * line.per_minute / minute_us / 20))
      if extra > 0 then line.arrives = after(line, extra) else extra = 0 end
    end
    local ahead = math.max(math.ceil(line.arrives - now_us), 0)
    redis.call('SET', P .. 'r:' .. line.id, string.format('%.0f', line.arrives), 'PX',
               math.max(math.ceil(ahead / 1000), 1) + 60000)
    answers[n] = {extra, ahead}
  else
    local near = less(times(line.free, 20), line.limit)
    if is_open and not near and not is_none(line.slice) then
      local extra = share(line.free, 8)
      if less(line.slice, extra) then extra = line.slice end
      line.lease, line.free = plus(line.lease, extra), minus(line.free, extra)
    end
    if is_none(line.lease) then redis.call('HDEL', P .. 'h:' .. line.id, process)
    else redis.call('HSET', P .. 'h:' .. line.id, process, text(line.lease)) end
    local all = text(plus(line.others, line.lease))
    if line.kind == 'm' then answers[n] = {text(line.lease), text(line.spent), all, near and 1 or 0}
    else answers[n] = {text(line.lease), all} end
  end
end

local reply = {'ok', string.format('%.0f', now_us), math.max(open_us - now_us, 0), answers, asks}
redis.call('HSET', ikey, 'seq', seq, 'reply', cmsgpack.pack(reply))
return reply
)lua";

}  // namespace

const Script& limits_script() {
  static constexpr Script script{text};
  return script;
}

}  // namespace sluice::redis
