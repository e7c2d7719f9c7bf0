-- Takes over what a gateway had spent of a budget before; once for each gateway.
local key = a.prefix .. a.key
if redis.call('HSETNX', key, 'r:' .. a.replica, 1) == 1 then
  redis.call('HINCRBY', key, 'spent', a.spent)
  -- What this server said before it lost it all: the others' part may be missing still.
  if number(a.seen) > number(redis.call('HGET', key, 'floor')) then redis.call('HSET', key, 'floor', a.seen) end
end
if a.until_millis then redis.call('PEXPIREAT', key, string.format('%.0f', a.until_millis)) end
return '{}'
