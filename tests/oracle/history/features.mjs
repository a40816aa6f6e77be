// How often a random history uses a feature of attribd. Histories mix features; one that uses all of
// them at once would hide what each does alone.

const WEIGHTS = {
  aliases: 0.3, alias_conflicts: 0.3, catalog_history: 0.25, code_moves: 0.4, customer_touches: 0.3, excludes: 0.2, leads: 0.25,
  late: 0.3, order_groups: 0.35, policy_versions: 0.2, reports: 0.35, refunds: 0.2, renewals: 0.2, repeat: 0.2, self_referral: 0.2,
  shared_devices: 0.3, sources: 0.35, strangers: 0.3, times: 0.25, traffic: 0.2, verdicts: 0.3, views: 0.2,
};

export const FEATURES = Object.keys(WEIGHTS);

// The features of one history: never others than `only`, always those of `also`.
export function chooseFeatures(r, only, also = []) {
  return new Set(FEATURES.filter((name) => (r.chance(WEIGHTS[name]) && (!only || only.includes(name))) || also.includes(name)));
}
