-- What a merge would have added up meanwhile.

-- step: money by day
INSERT INTO attrib.rollup_money
SELECT c.site, c.day, c.kind, k.creator, k.campaign, k.placement, k.channel, k.tracker, c.currency, coalesce(o.kind, 0)::smallint,
	ARRAY[sum(share[1]), sum(share[2]), sum(share[3]), sum(share[4]), sum(share[5]), sum(share[6])]::bigint[],
	ARRAY[sum(amount[1]), sum(amount[2]), sum(amount[3]), sum(amount[4]), sum(amount[5]), sum(amount[6])]::bigint[],
	ARRAY[sum(k.refunded[1]), sum(k.refunded[2]), sum(k.refunded[3]), sum(k.refunded[4]), sum(k.refunded[5]), sum(k.refunded[6])]::bigint[]
FROM attrib.conversion c JOIN attrib.credit k USING (site, kind, order_id)
LEFT JOIN attrib.customer_order o ON c.kind = 1 AND o.site = c.site AND o.order_id = c.order_id
WHERE c.counted AND c.merged_into = ''
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10;

-- step: claims by day
INSERT INTO attrib.rollup_claim
SELECT site, day, kind, currency, count(*), sum(gross), count(*) FILTER (WHERE creator_claims > 1), count(*) FILTER (WHERE credited),
	coalesce(sum(gross) FILTER (WHERE credited), 0), sum(creator_claims), sum(gross * creator_claims), sum(channel_claims),
	sum(gross * channel_claims)
FROM attrib.conversion WHERE counted AND merged_into = '' GROUP BY 1, 2, 3, 4;

-- step: claims by scope
SELECT attrib.rebuild_paths();

-- step: months
SELECT attrib.rebuild_months();

-- step: days and months of traffic
SELECT attrib.rebuild_traffic();
