// What the tests of the contract share: events of signed sources in few words, and what the views say
// of one order.

export const ago = (days, minutes = 0) =>
  new Date(Date.now() - days * 86400e3 - minutes * 60e3).toISOString();

let serial = 0;
export const id = (prefix) => `${prefix}-${++serial}`;

export const click = (link, occurred_at, who = {}) =>
  ({ type: 'click', event_id: id('click'), link, occurred_at, ...who });
export const visit = (url, occurred_at, who = {}) =>
  ({ type: 'visit', event_id: id('visit'), url, occurred_at, ...who });
export const purchase = (order, more = {}) =>
  ({ type: 'purchase', event_id: id('purchase'), order: { currency: 'EUR', total: '100.00', ...order }, ...more });
export const refund = (refund, more = {}) =>
  ({ type: 'refund', event_id: id('refund'), refund: { currency: 'EUR', ...refund }, ...more });
export const cancel = (order_id, more = {}) => ({ type: 'cancel', event_id: id('cancel'), order_id, ...more });

// Numbers of PostgreSQL as numbers, other texts as they are.
const plain = (row) => Object.fromEntries(Object.entries(row).map(([key, value]) =>
  [key, typeof value === 'string' && key !== 'order_id' && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value]));

export async function rows(shop, sql, params) {
  return (await shop.query(sql, params)).map(plain);
}

// Sends signed events and waits until they are counted.
export async function tell(shop, ...events) {
  const response = await shop.events(events.flat());
  const answer = await response.json();
  if (response.status !== 200 || answer.rejected.length) throw new Error(JSON.stringify(answer));
  return shop.quiet();
}

export async function order(shop, order_id, kind = 'order') {
  const [row] = await rows(shop, 'select * from attrib.conversion_status where order_id = $1 and kind = $2', [order_id, kind]);
  return row;
}

// [status, gross, refunded, net]
export async function money(shop, order_id) {
  const row = await order(shop, order_id);
  return row && [row.status, row.gross, row.refunded, row.net];
}

export const credits = (shop, order_id, model = 'policy', kind = 'order') => rows(shop,
  `select creator, campaign, placement, channel, tracker, share, gross, refunded, net from attrib.order_credit
   where order_id = $1 and model = $2 and kind = $3 order by touched_at, creator`, [order_id, model, kind]);

// creator:channel of the one credit by a model
export async function winner(shop, order_id, model = 'policy') {
  const all = await credits(shop, order_id, model);
  return all.map((c) => `${c.creator}:${c.channel}`).join(' ');
}

export const path = (shop, order_id, kind = 'order') => rows(shop,
  'select channel, tracker, creator, eligible, reason from attrib.path_step where order_id = $1 and kind = $2 order by step',
  [order_id, kind]);
