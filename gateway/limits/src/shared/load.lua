-- Takes over what a gateway had spent of a budget before; once for each gateway.
local key = a.prefix .. a.key
if redis.call('HSETNX', key, 'r:' .. a.replica, 1) == 1 then redis.call('HINCRBY', key, 'spent', a.spent) end
if a.until_millis then redis.call('PEXPIREAT', key, string.format('%.0f', a.until_millis)) end
return '{}'
