<?php
/**
 * Plugin Name: attribd for WooCommerce
 * Description: Stores on each order who sent its buyer: the visitor id and the click id of attribd, for its WooCommerce webhook.
 * Version: 1.0.0
 * Requires at least: 6.3
 * Requires PHP: 7.4
 * License: MIT
 *
 * Optional, in wp-config.php: puts the tag on every page of the shop.
 *
 *     define( 'ATTRIBD_TAG', 'https://go.shop.example/a.js?site=acme' );
 */

defined( 'ABSPATH' ) || exit;

/**
 * The first of these cookies that holds an id. Whoever sends them can write anything there, so that nothing but an id
 * comes near an order.
 */
function attribd_cookie( array $names, $most ) {
	foreach ( $names as $name ) {
		$value = isset( $_COOKIE[ $name ] ) && is_string( $_COOKIE[ $name ] ) ? wp_unslash( $_COOKIE[ $name ] ) : '';
		if ( preg_match( '/\A[A-Za-z0-9._-]{1,' . (int) $most . '}\z/', $value ) ) {
			return $value;
		}
	}
	return '';
}

/** Global Privacy Control, Do Not Track, or what the visitor told the tag. */
function attribd_opted_out() {
	foreach ( array( 'HTTP_SEC_GPC', 'HTTP_DNT' ) as $header ) {
		if ( isset( $_SERVER[ $header ] ) && '1' === $_SERVER[ $header ] ) {
			return true;
		}
	}
	return isset( $_COOKIE['attr_consent'] ) && 'no' === $_COOKIE['attr_consent'];
}

/** The cookie that the server set goes before its copy for scripts, which scripts can change. */
function attribd_mark_order( $order ) {
	$ids = array(
		'_attr_visitor' => attribd_cookie( array( 'attr_vid', 'attr_visitor' ), 255 ),
		'_attr_click'   => attribd_cookie( array( 'attr_click' ), 128 ),
	);
	foreach ( $ids as $key => $value ) {
		if ( attribd_opted_out() ) {
			$order->delete_meta_data( $key ); // the block checkout calls again and again for one order
		} elseif ( '' !== $value ) {
			$order->update_meta_data( $key, $value );
		}
	}
}

// The classic checkout saves the order behind this hook.
add_action( 'woocommerce_checkout_create_order', 'attribd_mark_order' );

// The checkout block ignores hidden fields and cart attributes; the order exists already.
add_action(
	'woocommerce_store_api_checkout_update_order_meta',
	function ( $order ) {
		attribd_mark_order( $order );
		$order->save_meta_data();
	}
);

add_action(
	'wp_enqueue_scripts',
	function () {
		if ( defined( 'ATTRIBD_TAG' ) ) {
			wp_enqueue_script( 'attribd', ATTRIBD_TAG, array(), null, array( 'strategy' => 'async' ) );
		}
	}
);

// It goes through WC_Order alone, so orders may be stored in any way.
add_action(
	'before_woocommerce_init',
	function () {
		if ( class_exists( '\Automattic\WooCommerce\Utilities\FeaturesUtil' ) ) {
			foreach ( array( 'custom_order_tables', 'cart_checkout_blocks' ) as $feature ) {
				\Automattic\WooCommerce\Utilities\FeaturesUtil::declare_compatibility( $feature, __FILE__ );
			}
		}
	}
);
