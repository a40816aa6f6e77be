-- wrk: a new order with each request, signed where it is a webhook. TEMPLATE names a file with the body, in
-- which @ID@ is the order; SECRET signs it as Shopify does; AUTH is sent as it is.
local ffi = require('ffi')
ffi.cdef [[
typedef struct evp_md_st EVP_MD;
const EVP_MD *EVP_sha256(void);
unsigned char *HMAC(const EVP_MD *md, const void *key, int key_len, const unsigned char *d, size_t n, unsigned char *out, unsigned int *out_len);
int EVP_EncodeBlock(unsigned char *t, const unsigned char *f, int n);
]]
local crypto = ffi.load('crypto.so.3')
local file = assert(io.open(os.getenv('TEMPLATE')))
local template = file:read('*a')
local secret, auth, path = os.getenv('SECRET'), os.getenv('AUTH'), os.getenv('TARGET')
local mac, size, text = ffi.new('unsigned char[32]'), ffi.new('unsigned int[1]'), ffi.new('unsigned char[64]')
local id = os.time() % 1000000 * 10000000 -- 13 digits; runs begin a second apart at least

function request()
  id = id + 1
  local body = template:gsub('@ID@', string.format('%.0f', id))
  local headers = { ['Content-Type'] = 'application/json' }
  if auth then
    headers['Authorization'] = auth
  else
    crypto.HMAC(crypto.EVP_sha256(), secret, #secret, ffi.cast('const unsigned char *', body), #body, mac, size)
    crypto.EVP_EncodeBlock(text, mac, 32)
    headers['X-Shopify-Hmac-Sha256'] = ffi.string(text, 44)
  end
  return wrk.format('POST', path, headers, body)
end
