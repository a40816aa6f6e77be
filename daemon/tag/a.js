/*
 * The tag: tells attribd of landings and of what becomes of them, and remembers who was sent by whom, for
 * as long as that can earn an order, in the page's own storage. What a landing means is decided by the
 * server alone.
 *
 * It is a guest in other people's pages. It makes no name but window.attr, waits for nothing, and
 * whatever fails in it fails silently: everything runs inside attempt().
 *
 * The build takes comments and blanks out and makes names short (shrink.awk): so every statement ends in
 * a semicolon, and no property is written in shorthand.
 */
((window, document) => {
	const attempt = (act, otherwise) => {
		try {
			return act();
		} catch (error) {
			return otherwise;
		}
	};

	const start = () => {
		const script = document.currentScript || document.querySelector('script[data-site]');
		const source = new URL(script.src);
		/* data-name="value" of the script, or ?name=value of its address */
		const option = (name, otherwise) => script.dataset[name] || source.searchParams.get(name) || otherwise;
		const site = option('site');
		/* where the beacon goes under another name of the tag: to that name */
		const endpoint = source.origin + source.pathname.replace(/\/a\.js$/, '/v1/beacon');
		const lifetime = option('days', 30) * 86400;
		const stub = window.attr;
		const queue = attempt(() => stub.q) || [];
		/* a second copy of the tag has nothing to do */
		if (!site || queue.push != [].push) return;

		/* -- the page's own storage --------------------------------------------------------------- */

		const where = '; path=/; samesite=lax' + (location.protocol == 'https:' ? '; secure' : '');
		const domain = option('domain') ? '; domain=' + option('domain') : '';
		const cookies = (name) => attempt(() => document.cookie.split('; ')
			.filter((pair) => pair.startsWith(name + '='))
			.map((pair) => decodeURIComponent(pair.slice(name.length + 1))), []);
		const bake = (name, value, seconds, more) => {
			document.cookie = name + '=' + encodeURIComponent(value) + where + '; max-age=' + seconds + more;
		};
		/* a cookie, because servers of the shop can read it; where there are none, the local storage */
		const write = (name, value) => {
			attempt(() => bake(name, value, lifetime, domain));
			attempt(() => {
				if (cookies(name).includes(value)) localStorage.removeItem(name);
				else localStorage.setItem(name, Date.now() + lifetime * 1e3 + ' ' + value);
			});
		};
		/* of two visitors the one with a signature is the server's, and the other one ours of before */
		const read = (name) => {
			const found = cookies(name);
			const signed = found.find((value) => value.includes('.'));
			if (found[1] && signed && !domain) bake(name, '', 0, '');
			return signed || found[0] || attempt(() => {
				const [until, value] = localStorage.getItem(name).split(' ');
				return until > Date.now() && value;
			}) || '';
		};
		const drop = (name) => {
			const hosts = location.hostname.split('.');
			attempt(() => bake(name, '', 0, ''));
			hosts.forEach((host, i) => attempt(() => bake(name, '', 0, '; domain=' + hosts.slice(i).join('.'))));
			attempt(() => localStorage.removeItem(name));
		};

		/* -- consent: true, false, or not yet known ----------------------------------------------- */

		const optedOut = navigator.globalPrivacyControl || navigator.doNotTrack == 1 || window.doNotTrack == 1;
		let required = option('consent') == 'required';
		let stated = { yes: true, no: false }[read('attr_consent')];
		const consent = () => optedOut ? false : stated !== undefined ? stated : required ? undefined : true;

		const setConsent = (given) => {
			if (optedOut || stated === given) return;
			const known = read('attr_visitor');
			stated = given === true;
			write('attr_consent', given ? 'yes' : 'no');
			if (!given) {
				forget();
				/* the cookie that only the server sees ends with the answer */
				if (known) post({ type: 'identify', consent: false });
			}
			release();
			share();
		};

		/* -- who it is, and what sent them --------------------------------------------------------- */

		const names = ['attr_visitor', 'attr_click', 'attr_landing'];
		const forget = () => names.forEach(drop);
		const visitor = () => {
			if (!read(names[0])) {
				const random = crypto.getRandomValues(new Uint8Array(16));
				write(names[0], btoa(String.fromCharCode(...random)).replace(/\+/g, '-').replace(/\//g, '_').slice(0, 22));
			}
			return read(names[0]);
		};
		const ids = () => {
			const known = consent();
			return { visitor: known ? visitor() : '', click: known ? read(names[1]) : '', landing: known ? read(names[2]) : '' };
		};
		const params = option('params', 'ref,aff').replace(/[^\w,-]/g, '').replace(/,/g, '|');
		const carrier = new RegExp('^((utm|mtm|pk)_.*|attr_click|\\w*cl(k|ick)?id|[gw]braid|igshid|li_fat_id|(rdt|mc)_cid'
			+ '|epik|s[cs]cid|cjevent|awc|ransiteid|' + params + ')$', 'i');
		/* what an address says of where its visitor comes from, as a query, and the rest of it */
		const divide = (address) => {
			const url = new URL(address);
			const rest = new URLSearchParams(url.search);
			const carries = new URLSearchParams();
			url.searchParams.forEach((value, name) => {
				if (!carrier.test(name)) return;
				if (value) carries.append(name, value);
				rest.delete(name);
			});
			/* a mark within the page is no other page, but some shops route by it */
			return [carries + '', url.pathname + rest + (/^#[!/]/.test(url.hash) ? url.hash : '')];
		};
		const remember = (address) => {
			const carries = divide(address)[0];
			const click = new URLSearchParams(carries).get(names[1]);
			if (!carries) return;
			write(names[2], carries);
			if (click) write(names[1], click);
			if (!visitor().includes('.')) write(names[0], visitor());
		};

		/* -- sending ------------------------------------------------------------------------------- */

		const post = (event) => {
			const body = JSON.stringify(Object.assign({ site: site }, event));
			if (!attempt(() => navigator.sendBeacon(endpoint, body)))
				attempt(() => fetch(endpoint, { method: 'POST', body: body, mode: 'no-cors', credentials: 'include', keepalive: true })
					.catch(() => {}));
		};
		/* what happens before the consent is known waits for it, in this page only */
		let held = [];
		const send = (event) => {
			watch();
			const known = consent();
			if (known === undefined) {
				held.push(event);
				return;
			}
			if (known && event.url) attempt(() => remember(event.url));
			const has = ids();
			const more = {};
			if (stated || !known) more.consent = known;
			if (has.visitor) more.visitor_id = has.visitor;
			if (has.click && (event.order || event.lead)) more.click_id = has.click;
			post(Object.assign(more, event));
		};
		const release = () => {
			const events = held;
			held = [];
			events.forEach(send);
		};

		/* -- handing over --------------------------------------------------------------------------- */

		const fill = () => {
			const known = ids();
			document.querySelectorAll(names.map((name) => 'input[name=' + name + ']')).forEach((input) => {
				input.value = known[input.name.slice(5)];
			});
		};
		/* once for each cart, and again when something has changed */
		const fillCart = () => {
			if (!window.Shopify) return;
			const has = ids();
			const state = has.visitor + has.click && [has.visitor, has.click, cookies('cart')].join();
			if (state == (attempt(() => sessionStorage.attr_cart) || '')) return;
			attempt(() => { sessionStorage.attr_cart = state; });
			fetch((Shopify.routes && Shopify.routes.root || '/') + 'cart/update.js', {
				method: 'POST',
				headers: { 'Content-Type': 'application/json' },
				body: JSON.stringify({ attributes: { _attr_visitor: has.visitor, _attr_click: has.click } }),
			}).catch(() => {});
		};
		const share = () => {
			attempt(fill);
			attempt(fillCart);
		};

		/* -- consent that others ask for ------------------------------------------------------------ */

		let layer;
		const google = (entry) => {
			if (entry[0] != 'consent' || !entry[2].analytics_storage) return;
			const granted = entry[2].analytics_storage == 'granted';
			if (entry[1] == 'update') setConsent(granted);
			else if (!granted) required = true;
		};
		const watch = () => attempt(() => {
			if (!window.dataLayer || layer) return;
			layer = window.dataLayer;
			const push = layer.push;
			const look = (entry) => attempt(() => google(entry));
			layer.push = function () {
				const result = push.apply(this, arguments);
				[].forEach.call(arguments, look);
				return result;
			};
			layer.slice().forEach(look);
		});
		const shopify = () => attempt(() => {
			const before = required;
			const ask = () => {
				const allowed = attempt(() => Shopify.customerPrivacy.analyticsProcessingAllowed(), !before);
				if (before && allowed && stated === undefined) stated = true;
				required = !allowed;
				release();
			};
			if (Shopify.customerPrivacy) ask();
			else if (Shopify.loadFeatures) {
				required = true;
				Shopify.loadFeatures([{ name: 'consent-tracking-api', version: '0.1' }], ask);
			}
		});

		/* -- the pages ------------------------------------------------------------------------------- */

		let page;
		let carried;
		let referrer = document.referrer;
		/* once for each page, also where a page only takes the other's place */
		const visit = () => {
			const url = location.href.slice(0, 8e3);
			const [carries, rest] = divide(url);
			if (rest == page && (!carries || carries == carried)) return;
			page = rest;
			carried = carries;
			send({ type: 'visit', url: url, referrer: referrer });
			referrer = url;
			share();
		};

		/* -- window.attr ----------------------------------------------------------------------------- */

		const commands = {
			cart: (data) => { send(Object.assign({ type: 'cart' }, data)); share(); },
			checkout: (data) => { send(Object.assign({ type: 'checkout' }, data)); share(); },
			code: (code) => send({ type: 'code_applied', code }),
			lead: (lead) => send({ type: 'lead', lead }),
			purchase: (order) => send({ type: 'purchase', order }),
			/* a browser's word names nobody, so nothing of it is sent */
			identify: () => { if (ids().visitor) send({ type: 'identify' }); },
			consent: setConsent,
			ids: (callback) => callback(ids()),
		};
		const attr = (name, ...data) => { attempt(() => commands[name](...data)); };
		const on = (target, type, act) => target.addEventListener(type, (event) => { attempt(() => act(event)); }, true);

		/* who kept the stub, or froze it, is heard through its queue */
		const waiting = attempt(() => queue.splice(0), []);
		queue.push = (call) => attr(...call);
		attr.q = queue;
		attempt(() => { stub.q = queue; });
		attempt(() => { window.attr = attr; });

		shopify();
		watch();
		on(document, 'visitorConsentCollected', (event) => setConsent(event.detail.analyticsAllowed));
		if (optedOut) forget();
		const isConsent = (call) => attempt(() => call[0]) == 'consent';
		const run = (call) => attempt(() => attr(...call));
		waiting.filter(isConsent).forEach(run);
		attempt(visit);
		waiting.filter((call) => !isConsent(call)).forEach(run);

		['pushState', 'replaceState'].forEach((name) => attempt(() => {
			const original = history[name];
			history[name] = function () {
				const result = original.apply(this, arguments);
				attempt(visit);
				return result;
			};
		}));
		on(window, 'popstate', visit);
		on(window, 'hashchange', visit);
		on(document, 'submit', fill);
		on(document, 'DOMContentLoaded', () => { watch(); share(); });
		on(window, 'load', watch);
		/* who leaves without a word has not agreed */
		on(window, 'pagehide', () => {
			if (consent() !== undefined) return;
			stated = false;
			release();
			stated = undefined;
		});
	};

	/* a page that was rendered before anybody asked for it is no visit yet */
	attempt(() => {
		if (document.prerendering) document.addEventListener('prerenderingchange', () => attempt(start), { once: true });
		else start();
	});
})(window, document);
