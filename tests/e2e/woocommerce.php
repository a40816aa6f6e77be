<?php
// As much of WordPress and WooCommerce as plugins/woocommerce sees: hooks, and an order with meta data that
// is stored only when somebody saves it.
//
//   php woocommerce.php PLUGIN < {"checkout":"classic"|"block","cookies":{},"server":{},"tag":"URL"|null,"stored":{}}
//
// prints what is on the stored order, and what else the plugin did.

error_reporting( E_ALL );
set_error_handler( function ( $level, $message, $file, $line ) {
	fwrite( STDERR, "$file:$line: $message\n" );
	exit( 1 );
} );

define( 'ABSPATH', __DIR__ );
$hooks    = array();
$scripts  = array();
$declared = array();

function add_action( $hook, $callback, $priority = 10, $accepted = 1 ) {
	$GLOBALS['hooks'][ $hook ][] = array( $callback, $accepted );
}
function do_action( $hook, ...$arguments ) {
	foreach ( $GLOBALS['hooks'][ $hook ] ?? array() as list( $callback, $accepted ) ) {
		$callback( ...array_slice( $arguments, 0, $accepted ) );
	}
}
// WordPress escapes what comes in as PHP once did.
function wp_unslash( $value ) {
	return stripslashes( $value );
}
function wp_enqueue_script( $handle, $src, $deps = array(), $version = false, $args = array() ) {
	$GLOBALS['scripts'][ $handle ] = array( $src, $version, $args );
}

class WC_Order {
	public $stored = array();
	private $meta;
	public function __construct( array $stored ) {
		$this->stored = $stored;
		$this->meta   = $stored;
	}
	public function update_meta_data( $key, $value ) {
		$this->meta[ $key ] = $value;
	}
	public function delete_meta_data( $key ) {
		unset( $this->meta[ $key ] );
	}
	public function save_meta_data() {
		$this->stored = $this->meta;
	}
	public function save() {
		$this->save_meta_data();
	}
}

eval( 'namespace Automattic\WooCommerce\Utilities; class FeaturesUtil {
	public static function declare_compatibility( $feature, $file, $compatible = true ) {
		$GLOBALS["declared"][] = array( $feature, basename( $file ), $compatible );
	}
}' );

$asked   = json_decode( stream_get_contents( STDIN ), true );
$_COOKIE = array_map( function ( $value ) { return is_string( $value ) ? addslashes( $value ) : $value; }, $asked['cookies'] ?? array() );
$_SERVER = $asked['server'] ?? array();
if ( isset( $asked['tag'] ) ) {
	define( 'ATTRIBD_TAG', $asked['tag'] );
}
require $argv[1];

do_action( 'before_woocommerce_init' );
do_action( 'wp_enqueue_scripts' );
$order = new WC_Order( $asked['stored'] ?? array() );
if ( 'classic' === ( $asked['checkout'] ?? 'classic' ) ) {
	do_action( 'woocommerce_checkout_create_order', $order, array( 'billing_email' => 'ann@example.com' ) );
	$order->save();
} else {
	do_action( 'woocommerce_store_api_checkout_update_order_meta', $order );
}
echo json_encode( array( 'meta' => (object) $order->stored, 'scripts' => (object) $scripts, 'declared' => $declared ) );
