-- Ends a reservation: gives back what it holds and counts what was consumed. Once, however often it is sent.
if not redis.call('SET', a.prefix .. 'd:' .. a.id, 1, 'NX', 'EX', 60) then return '{}' end
undo(a.id)
local alerts = {}
if a.consumed then
  for _, key in ipairs(a.counters) do
    key = a.prefix .. key
    prune(key, 't', { 'i', 'o' }, minute)
    add(key, 't', minute, { i = a.consumed.input, o = a.consumed.output })
    redis.call('EXPIRE', key, KEPT)
  end
  for index, cap in ipairs(a.caps) do
    local key = a.prefix .. cap.key
    -- Where this gateway has not said yet what it had spent, it will, and this will be part of it.
    if redis.call('HEXISTS', key, 'r:' .. a.replica) == 1 then
      redis.call('HINCRBY', key, 'spent', a.consumed.cost)
      redis.call('HINCRBY', key, 'later', a.consumed.cost)
      if number(spent_of(key)) >= number(cap.amount) and redis.call('HSETNX', key, 'alerted', 1) == 1 then
        alerts[#alerts + 1] = index - 1
      end
    end
  end
end
if #alerts == 0 then return '{}' end
return cjson.encode({ alerts = alerts })
