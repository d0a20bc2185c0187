/** What the build makes (web/build.ts). */
declare module 'virtual:thumbnails' {
  const addresses: Readonly<Record<string, string>>;
  export default addresses;
}

declare module 'virtual:kernel-files' {
  /** Files from the root of the project, by how the names of their shaders begin. */
  const files: Readonly<Record<string, string>>;
  export default files;
}
