// An ECMAScript module of node_frames.js.
const step = (rest) => rest('esm');

export default function enter(rest) {
	return step(rest);
}
