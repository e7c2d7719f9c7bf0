-- Lets a request in under all of its limits and budgets, or under none. With a.commit false it only looks.
for _, id in ipairs(redis.call('ZRANGEBYSCORE', a.prefix .. 'x', '-inf', string.format('%.0f', now), 'LIMIT', 0, 100)) do
  -- Whoever held it is gone.
  undo(id)
end

local need, spent, caps = {}, nil, {}
for index, cap in ipairs(a.caps) do
  local key = a.prefix .. cap.key
  local found = redis.call('HMGET', key, 'open', 'r:' .. a.replica)
  local before = spent_of(key)
  if not found[2] then need[#need + 1] = index - 1 end
  if not spent and cap.hard and number(before) + number(found[1]) >= number(cap.amount) then spent = index - 1 end
  caps[index] = { spent = before, open = found[1] or '0' }
end
if #need > 0 then return cjson.encode({ need = need }) end

local refused = {}
local function refuse(index, limit, allowed, wait)
  refused[#refused + 1] = { counter = index - 1, limit = limit, allowed = allowed, wait = wait }
end
local SOON = 1000000

local function wait_for(key, mark, letters, length, sums, fits)
  local edge = redis.call('HMGET', key, 'f' .. mark, 'l' .. mark)
  if not edge[1] then return nil end
  for slot = number(edge[1]), number(edge[2]) do
    for _, letter in ipairs(letters) do
      sums[letter] = sums[letter] - number(redis.call('HGET', key, letter .. slot))
    end
    if fits(sums) then return (slot + 61) * length - now end
  end
  return nil
end

for index, counter in ipairs(a.counters) do
  local key = a.prefix .. counter.key
  prune(key, 't', { 'i', 'o' }, minute)
  prune(key, 'q', { 'q' }, second)
  local found = redis.call('HMGET', key, 'si', 'so', 'sq', 'oi', 'oo', 'n')
  local input, output, requests = number(found[1]), number(found[2]), number(found[3])
  local open_input, open_output, running = number(found[4]), number(found[5]), number(found[6])
  local function tokens(limit, allowed, asked, side, open)
    if not allowed then return end
    local function fits(sums, held) return side(sums.i, sums.o) + held + asked <= allowed end
    if fits({ i = input, o = output }, open) then return end
    local function wait(held)
      return wait_for(key, 't', { 'i', 'o' }, MINUTE, { i = input, o = output }, function(sums) return fits(sums, held) end)
    end
    if asked > allowed then
      refuse(index, limit, allowed, -1)
    elseif fits({ i = input, o = output }, 0) then
      refuse(index, limit, allowed, SOON)
    else
      refuse(index, limit, allowed, wait(open) or wait(0) or -1)
    end
  end
  tokens('total_tokens', counter.total, a.input + a.output, function(i, o) return i + o end, open_input + open_output)
  tokens('input_tokens', counter.input, a.input, function(i, _) return i end, open_input)
  tokens('output_tokens', counter.output, a.output, function(_, o) return o end, open_output)
  if counter.requests and requests >= counter.requests then
    local wait = wait_for(key, 'q', { 'q' }, SECOND, { q = requests }, function(sums) return sums.q < counter.requests end)
    refuse(index, 'requests', counter.requests, wait or -1)
  end
  if counter.concurrent and running >= counter.concurrent then
    refuse(index, 'concurrency', counter.concurrent, counter.concurrent > 0 and SOON or -1)
  end
end

local admitted = a.commit and not spent and #refused == 0
if admitted then
  local held = { counters = {}, caps = {}, input = a.input, output = a.output, cost = a.cost }
  for index, counter in ipairs(a.counters) do
    local key = a.prefix .. counter.key
    add(key, 'q', second, { q = 1 })
    redis.call('HINCRBY', key, 'oi', string.format('%.0f', a.input))
    redis.call('HINCRBY', key, 'oo', string.format('%.0f', a.output))
    redis.call('HINCRBY', key, 'n', 1)
    redis.call('EXPIRE', key, KEPT)
    held.counters[index] = counter.key
  end
  for index, cap in ipairs(a.caps) do
    redis.call('HINCRBY', a.prefix .. cap.key, 'open', a.cost)
    held.caps[index] = cap.key
  end
  redis.call('SET', a.prefix .. 'r:' .. a.id, cjson.encode(held), 'EX', a.lives + 3600)
  redis.call('ZADD', a.prefix .. 'x', string.format('%.0f', now + a.lives * 1000000), a.id)
  redis.call('EXPIRE', a.prefix .. 'x', a.lives + 3600)
end

local usage = {}
for index, counter in ipairs(a.counters) do
  local found = redis.call('HMGET', a.prefix .. counter.key, 'si', 'so', 'sq', 'oi', 'oo', 'n', 'lt', 'lq')
  usage[index] = {
    input = number(found[1]) + number(found[4]), output = number(found[2]) + number(found[5]),
    requests = number(found[3]), running = number(found[6]),
    tokens_reset = found[7] and (number(found[7]) + 61) * MINUTE - now or 0,
    requests_reset = found[8] and (number(found[8]) + 61) * SECOND - now or 0,
  }
end
local answer = { admitted = admitted, spent = spent }
if #usage > 0 then answer.usage = usage end
if #refused > 0 then answer.refused = refused end
if #caps > 0 then answer.caps = caps end
return cjson.encode(answer)
