// A CommonJS module of node_frames.js.
'use strict';

exports.call = function call(rest) {
	return { through() { return rest('cjs'); } }.through();
};
