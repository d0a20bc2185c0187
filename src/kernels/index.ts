/** Every op, with its gradients. One op, one file. */
export { type Activation, relu, relu6, sigmoid, silu } from './activations.ts';
