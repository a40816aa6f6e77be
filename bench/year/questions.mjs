// What is asked of a period of a year, as `attribd report` asks it, and the same from the rows of orders, costs and traffic
// alone. $1 site, $2 and $3 the days. `columns` of what is asked must be the very rows of `plain`.

// Money of the policy model by campaign and creator, from the orders.
const REVENUE = `revenue AS (
  SELECT k.campaign, k.creator, sum(k.amount[1]) AS gross, sum(k.refunded[1]) AS refunded,
    sum(k.share[1]) / 1000000000000 AS conversions,
    sum(CASE WHEN o.kind = 1 THEN k.share[1] ELSE 0 END) / 1000000000000 AS new_customers,
    sum(CASE WHEN o.kind IN (1, 2) THEN 0 ELSE k.share[1] END) / 1000000000000 AS unknown_customers
  FROM attrib.conversion c
  JOIN attrib.credit k ON k.site = c.site AND k.kind = c.kind AND k.order_id = c.order_id
  LEFT JOIN attrib.customer_order o ON o.site = c.site AND o.order_id = c.order_id
  WHERE c.site = $1 AND c.kind = 1 AND c.counted AND c.merged_into = '' AND c.day BETWEEN $2 AND $3
  GROUP BY k.campaign, k.creator HAVING sum(k.share[1]) <> 0
)`;

// Costs by campaign and creator, evenly over the campaign's days; what a campaign shares goes by its creators' own
// costs, largest remainder.
const COSTS = `costs AS (
  SELECT coalesce(c.campaign, p.campaign) AS campaign, coalesce(c.creator, p.creator, '') AS creator,
    sum(round(c.amount * 100 * (least($3, d.ends_on) - d.starts_on + 1) / (d.ends_on - d.starts_on + 1))
      - round(c.amount * 100 * greatest($2 - d.starts_on, 0) / (d.ends_on - d.starts_on + 1))) AS amount
  FROM attrib.cost c
  LEFT JOIN attrib.placement p ON p.site = c.site AND p.name = c.placement
  JOIN attrib.campaign d ON d.site = c.site AND d.name = coalesce(c.campaign, p.campaign)
  WHERE c.site = $1 AND d.starts_on <= $3 AND d.ends_on >= $2
  GROUP BY 1, 2
), parts AS (
  SELECT d.campaign, d.creator, d.amount AS direct, s.amount AS pot,
    div(s.amount * d.amount, sum(d.amount) OVER one) AS part, mod(s.amount * d.amount, sum(d.amount) OVER one) AS rest
  FROM costs d JOIN costs s ON s.campaign = d.campaign AND s.creator = ''
  WHERE d.creator <> '' WINDOW one AS (PARTITION BY d.campaign)
), spent AS (
  SELECT campaign, creator, direct, part + (row_number() OVER (PARTITION BY campaign ORDER BY rest DESC, creator)
    <= pot - sum(part) OVER (PARTITION BY campaign))::int AS shared
  FROM parts
)`;

const MONEY = `${REVENUE}, ${COSTS}, money AS (
  SELECT campaign, creator, coalesce(direct, 0) AS direct, coalesce(direct + shared, 0) AS cost, coalesce(gross, 0) AS gross,
    coalesce(refunded, 0) AS refunded, coalesce(conversions, 0) AS conversions,
    coalesce(new_customers, 0) AS new_customers, coalesce(unknown_customers, 0) AS unknown_customers
  FROM revenue FULL JOIN spent USING (campaign, creator)
)`;

// Traffic of the period by owner: the tracker whose key it is at the bucket's time.
const SEEN = (cut) => `seen AS (
  SELECT coalesce(o.${cut}, '') AS ${cut}, sum(CASE WHEN t.type = 1 AND t.verdicts = 0 THEN t.count ELSE 0 END) AS clicks,
    sum(CASE WHEN t.type = 1 AND t.verdicts & 255 <> 0 THEN t.count ELSE 0 END) AS clicks_filtered,
    sum(CASE WHEN t.type = 1 AND t.verdicts = 256 THEN t.count ELSE 0 END) AS clicks_suspect,
    sum(CASE WHEN t.type = 2 AND t.verdicts & 255 = 0 THEN t.count ELSE 0 END) AS visits
  FROM attrib.traffic t
  JOIN attrib.site s ON s.name = t.site
  LEFT JOIN attrib.tracker o ON o.site = t.site AND o.folded = t.key
    AND o.kind = CASE t.channel WHEN 1 THEN 'link' WHEN 4 THEN 'code' END
    AND (o.valid_from IS NULL OR o.valid_from AT TIME ZONE s.time_zone <= t.bucket_at)
    AND (o.valid_to IS NULL OR o.valid_to AT TIME ZONE s.time_zone > t.bucket_at)
  WHERE t.site = $1 AND t.bucket_at >= $2::timestamp AT TIME ZONE s.time_zone
    AND t.bucket_at < ($3 + 1)::timestamp AT TIME ZONE s.time_zone
  GROUP BY 1
)`;

// Orders by who touched them.
const MET = (cut) => `met AS (
  SELECT ${cut}, count(*) AS claims, sum(clicked::int) AS click_orders, sum((NOT clicked)::int) AS code_only, sum(contested::int) AS contested
  FROM (SELECT p.${cut}, p.order_id, bool_or(p.channel = 1) AS clicked, bool_or(c.creator_claims > 1) AS contested
    FROM attrib.conversion c
    JOIN attrib.path_row p ON p.site = c.site AND p.kind = c.kind AND p.order_id = c.order_id
    WHERE c.site = $1 AND c.kind = 1 AND c.counted AND c.merged_into = '' AND c.day BETWEEN $2 AND $3
      AND p.eligible AND p.creator <> ''
    GROUP BY 1, 2) o
  GROUP BY 1
)`;

const RATIOS = 'round((gross - refunded - cost) / nullif(cost, 0), 9) AS roi, round(cost / 100 / nullif(new_customers, 0), 9) AS cac';

// Everything of a cut, from the rows.
const plainFigures = (cut) => `
  WITH ${MONEY}, ${SEEN(cut)}, ${MET(cut)}, sums AS (
    SELECT ${cut}, sum(cost) AS cost, sum(gross) AS gross, sum(refunded) AS refunded, sum(conversions) AS orders,
      sum(new_customers) AS new_customers FROM money GROUP BY 1
  )
  SELECT nullif(${cut}, '') AS ${cut}, coalesce(cost, 0) / 100 AS cost, coalesce(gross, 0) / 100 AS gross, coalesce(refunded, 0) / 100 AS refunded,
    coalesce(orders, 0) AS orders, coalesce(new_customers, 0) AS new_customers, ${RATIOS}, coalesce(clicks, 0) AS clicks,
    coalesce(clicks_suspect, 0) AS clicks_suspect, coalesce(clicks_filtered, 0) AS clicks_filtered, coalesce(visits, 0) AS visits, coalesce(claims, 0) AS claims,
    coalesce(click_orders, 0) AS click_orders, coalesce(code_only, 0) AS code_only_orders, contested / claims::numeric AS conflict_rate
  FROM sums FULL JOIN seen USING (${cut}) FULL JOIN met USING (${cut})`;

const figures = (cut, where = '') => ({
  asked: `SELECT * FROM attrib.kpi_${cut}_between($1, $2, $3)${where}`,
  columns: `${cut}, coalesce(cost, 0), coalesce(gross, 0), coalesce(refunded, 0), coalesce(orders, 0), coalesce(new_customers, 0), round(roi, 9),
    round(cac, 9), coalesce(clicks, 0), coalesce(clicks_suspect, 0), coalesce(clicks_filtered, 0), coalesce(visits, 0), coalesce(claims, 0), coalesce(click_orders, 0),
    coalesce(code_only_orders, 0), conflict_rate`,
  plain: `SELECT * FROM (${plainFigures(cut)}) f${where}`,
});

// The period of the same length before.
const before = (sql) => sql.replace(/\$([23])/g, (all, end) => (end === '2' ? '($2 - ($3 - $2 + 1))' : '($2 - 1)'));

const CREATOR = 'creator-0007';
const scorecard = {
  asked: `SELECT * FROM attrib.kpi_scorecard_between($1, $2, $3, '${CREATOR}') ORDER BY site, creator, n`,
  // of 32 figures those that orders, costs and traffic tell, and the tier's median of one
  columns: `metric, round(coalesce(value, 0), 6), round(coalesce(before, 0), 6), CASE metric WHEN 'roi' THEN round(tier_median, 6) END`,
  where: " WHERE metric IN ('revenue', 'orders', 'cost', 'roi', 'cac', 'filtered_share', 'code_only_share', 'conflict_rate')",
  plain: `WITH now AS MATERIALIZED (${plainFigures('creator')}), past AS (${before(plainFigures('creator'))}),
    tier AS (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY n.roi)::numeric AS roi FROM now n
      JOIN attrib.creator c ON c.site = $1 AND c.handle = n.creator
      WHERE (c.tier, c.platform) = (SELECT tier, platform FROM attrib.creator WHERE site = $1 AND handle = '${CREATOR}'))
    SELECT v.metric, round(coalesce(v.value, 0), 6), round(coalesce(v.before, 0), 6), CASE v.metric WHEN 'roi' THEN round(t.roi, 6) END
    FROM now n
    LEFT JOIN past b ON b.creator = n.creator
    CROSS JOIN tier t
    CROSS JOIN LATERAL (VALUES ('revenue', n.gross - n.refunded, b.gross - b.refunded), ('orders', n.orders, b.orders), ('cost', n.cost, b.cost),
      ('roi', n.roi, b.roi), ('cac', n.cac, b.cac),
      ('filtered_share', n.clicks_filtered / nullif(n.clicks + n.clicks_suspect + n.clicks_filtered, 0),
        b.clicks_filtered / nullif(b.clicks + b.clicks_suspect + b.clicks_filtered, 0)),
      ('code_only_share', n.code_only_orders::numeric / nullif(n.claims, 0), b.code_only_orders::numeric / nullif(b.claims, 0)),
      ('conflict_rate', n.conflict_rate, b.conflict_rate)) v (metric, value, before)
    WHERE n.creator = '${CREATOR}'`,
};

export const questions = [
  {
    name: 'ROI by creator',
    asked: 'SELECT * FROM attrib.roi_between($1, $2, $3) ORDER BY site, campaign, model, currency, row_kind, net DESC NULLS LAST, creator',
    columns: 'campaign, creator, cost, cost_direct, gross, refunded, net, conversions, new_customers, unknown_customers, round(roi, 9), round(cac, 9)',
    plain: `WITH ${MONEY}
      SELECT nullif(campaign, ''), nullif(creator, ''), cost / 100, direct / 100, gross / 100, refunded / 100, (gross - refunded) / 100, conversions,
        new_customers, unknown_customers, ${RATIOS}
      FROM money ORDER BY campaign, gross - refunded DESC, creator`,
  },
  {
    name: 'CAC by campaign',
    asked: 'SELECT * FROM attrib.cac_between($1, $2, $3) ORDER BY site, campaign, currency',
    columns: 'campaign, cost, new_customers, unknown_customers, round(cac, 9)',
    plain: `WITH ${MONEY}
      SELECT nullif(campaign, ''), sum(cost) / 100, sum(new_customers), sum(unknown_customers), round(sum(cost) / 100 / nullif(sum(new_customers), 0), 9)
      FROM money GROUP BY campaign ORDER BY campaign`,
  },
  { name: 'scorecard of one creator', ...scorecard },
  { name: 'figures of all creators', ...figures('creator') },
  { name: 'figures of all campaigns', ...figures('campaign') },
];
