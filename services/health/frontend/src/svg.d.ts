// The bundler gives an imported picture's address.
declare module "*.svg" {
  const address: string;
  export default address;
}
