-- What all scripts begin with. One organisation's keys share a prefix with a hash tag, so they live on one node.
-- a: the arguments. now: microseconds by this server's clock, so that gateways need not agree on the time.
local a = cjson.decode(ARGV[1])
local time = redis.call('TIME')
local now = a.now > 0 and a.now or (time[1] * 1000000 + time[2])
local MINUTE, SECOND, KEPT = 60000000, 1000000, 7500
local minute, second = math.floor(now / MINUTE), math.floor(now / SECOND)

local function number(value) return tonumber(value or 0) or 0 end
local function minus(text)
  if string.sub(text, 1, 1) == '-' then return string.sub(text, 2) end
  return '-' .. text
end

-- A window's slots are fields LETTER..slot with sums in 's'..LETTER; 'f'..mark and 'l'..mark are the first and the last.
local function prune(key, mark, letters, slot)
  local edge = redis.call('HMGET', key, 'f' .. mark, 'l' .. mark)
  if not edge[1] then return end
  local first, last = number(edge[1]), number(edge[2])
  local upto = math.min(slot - 61, last)
  for old = first, upto do
    for _, letter in ipairs(letters) do
      local amount = redis.call('HGET', key, letter .. old)
      if amount then
        redis.call('HINCRBY', key, 's' .. letter, minus(amount))
        redis.call('HDEL', key, letter .. old)
      end
    end
  end
  if upto >= last then
    redis.call('HDEL', key, 'f' .. mark, 'l' .. mark)
  elseif upto >= first then
    redis.call('HSET', key, 'f' .. mark, upto + 1)
  end
end

local function add(key, mark, slot, amounts)
  for letter, amount in pairs(amounts) do
    redis.call('HINCRBY', key, letter .. slot, string.format('%.0f', amount))
    redis.call('HINCRBY', key, 's' .. letter, string.format('%.0f', amount))
  end
  local edge = redis.call('HMGET', key, 'f' .. mark, 'l' .. mark)
  if not edge[1] or number(edge[1]) > slot then redis.call('HSET', key, 'f' .. mark, slot) end
  if not edge[2] or number(edge[2]) < slot then redis.call('HSET', key, 'l' .. mark, slot) end
end

-- Gives back what a reservation holds. False if it is not known: it has ended, or was lost.
local function undo(id)
  redis.call('ZREM', a.prefix .. 'x', id)
  local text = redis.call('GET', a.prefix .. 'r:' .. id)
  if not text then return false end
  redis.call('DEL', a.prefix .. 'r:' .. id)
  local held = cjson.decode(text)
  for _, key in ipairs(held.counters) do
    if redis.call('EXISTS', a.prefix .. key) == 1 then
      redis.call('HINCRBY', a.prefix .. key, 'oi', string.format('%.0f', -held.input))
      redis.call('HINCRBY', a.prefix .. key, 'oo', string.format('%.0f', -held.output))
      redis.call('HINCRBY', a.prefix .. key, 'n', -1)
    end
  end
  for _, key in ipairs(held.caps) do
    if redis.call('EXISTS', a.prefix .. key) == 1 then
      redis.call('HINCRBY', a.prefix .. key, 'open', minus(held.cost))
    end
  end
  return true
end

-- What was spent of a budget: what gateways had spent before and what came later, or what was known before this server
-- lost it ('floor') and what came later, whichever is more.
local function spent_of(key)
  local found = redis.call('HMGET', key, 'spent', 'floor', 'later')
  local above = number(found[2]) + number(found[3])
  if found[2] and above > number(found[1]) then return string.format('%.0f', above) end
  return found[1] or '0'
end
