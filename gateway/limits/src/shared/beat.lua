-- Says that a gateway is there, and learns how many there are.
local key = a.prefix .. 'replicas'
redis.call('ZADD', key, string.format('%.0f', now), a.replica)
redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%.0f', now - a.gone * 1000000))
redis.call('EXPIRE', key, 3600)
return cjson.encode({ replicas = redis.call('ZCARD', key) })
