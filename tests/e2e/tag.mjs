// What the tests of the tag have in common: three sites, of which one shares its domain with attribd, one does
// not, and one requires consent; and a browser.

import { Web, jar, tagged } from './browser.mjs';
import { Shop } from './support.mjs';

export const MINTED = /^[\w-]{22}$/;
export const SIGNED = /^[\w-]{22}\.[\w-]{22}$/;
const settings = 'trusted_proxies = 127.0.0.1\ntag_path = /static/shop.js\n';
const site = 'cookie_domain = .shop.example\ntoo_fast = 0\naffiliate_params = ref,aff,von';
const global = `[site boutique]
write_key = boutique-key
currency = EUR
own_hosts = www.boutique.example
customer_history = complete
too_fast = 0
[site strict]
cookie_domain = .strict.example
consent = required
`;
const catalog = {
  creator: ['acme', 'boutique', 'strict'].flatMap((s) => [`${s},ann,Ann,instagram,mid,50000`, `${s},bob,Bob,tiktok,micro,9000`])
    .reduce((csv, line) => `${csv}${line}\n`, 'site,handle,name,platform,tier,followers\n'),
  campaign: 'site,name,goal,starts_on,ends_on,currency,budget\nacme,spring,conversion,2026-01-01,2030-01-01,EUR,5000.00\nboutique,spring,conversion,2026-01-01,2030-01-01,EUR,500.00\n',
  tracker: `site,kind,key,creator,campaign,placement,destination
acme,link,ann-link,ann,spring,,https://www.shop.example/landing?x=1
acme,link,bob-link,bob,spring,,https://www.shop.example/landing
acme,affiliate,ann,ann,spring,,
acme,utm,tiktok/video/bob,bob,spring,,
acme,code,ANN10,ann,spring,,
acme,code,BOB10,bob,spring,,
boutique,link,ann-boutique,ann,spring,,https://www.boutique.example/landing
boutique,affiliate,bob,bob,spring,,
boutique,code,BOB5,bob,spring,,
strict,affiliate,ann,ann,,,
`,
  cost: 'site,cost_id,campaign,creator,kind,amount,currency,incurred_on\nacme,1,spring,ann,fee,50.00,EUR,2026-01-02\nboutique,2,spring,ann,fee,20.00,EUR,2026-01-02\n',
};

export const THIRD = { src: 'https://t.attribd.example/a.js' };

// The shop and the web in front of it: `await stage.close()`.
export async function openStage() {
  const shop = await Shop.open({ settings, site, global, catalog });
  const stage = { shop, close: async () => { await stage.web?.close(); await shop.close(); } };
  try {
    stage.web = await Web.open(shop);
  } catch (error) {
    await stage.close();
    throw error;
  }
  stage.web.page('www.shop.example', '/*', tagged('data-site="acme"'));
  stage.web.page('www.boutique.example', '/*', tagged('data-site="boutique"', THIRD));
  stage.web.page('www.strict.example', '/*', tagged('data-site="strict" data-consent="required"', { src: 'https://go.strict.example/a.js' }));
  return stage;
}

export const say = (page, ...call) => page.evaluate((args) => window.attr(...args), call);
export const ids = (page) => page.evaluate(() => new Promise((done) => window.attr('ids', done)));
export const visits = (event) => event.type === 'visit';
// what a page sends at once goes over several connections, and comes in any order
export const latestType = (a, b) => (a.type < b.type ? 1 : -1);
export const twin = async (context) => (await jar(context)).find((c) => c.name === 'attr_visitor')?.value;
