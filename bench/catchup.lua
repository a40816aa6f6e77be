-- The events of catchup.mjs, one a request:
--   wrk -t 1 -s catchup.lua http://127.0.0.1:8080 -- FROM ORDERS KEY      FROM: number of the first one

local i, orders, refunds

function init(args)
	i, orders = tonumber(args[1]), tonumber(args[2])
	refunds = orders > 0 and 1 or 0
	wrk.method = "POST"
	wrk.headers["Authorization"] = "Bearer " .. args[3]
	wrk.headers["Content-Type"] = "application/json"
end

local function what(kind)
	if kind < 25 then
		return '"type":"click","link":"' .. (i % 2 == 1 and "ann-link" or "bob-link") .. '"'
	elseif kind < 85 then
		return '"type":"visit","url":"https://shop.example/' .. (i % 2 == 1 and "?ref=bob" or "") .. '"'
	elseif kind < 95 then
		return '"type":"cart"'
	elseif kind < 95 + orders then
		return string.format('"type":"purchase","customer_id":"c-%d","order":{"id":"o-%d","currency":"EUR","total":"49.90"}',
			math.floor(i / 40), i)
	elseif kind < 95 + orders + refunds then
		return string.format('"type":"refund","refund":{"id":"r","order_id":"o-%d","amount":"9.90","currency":"EUR"}',
			i - orders * 73 % 100)
	end
	return '"type":"checkout"'
end

function request()
	local visitor = i % 9 < 3 and math.floor(i / 3) or math.floor(i / 9)
	local body = string.format('{"event_id":"e-%d","visitor_id":"v-%d",%s}', i, visitor, what(i * 37 % 100))
	i = i + 1
	return wrk.format(nil, "/v1/events", nil, body)
end
